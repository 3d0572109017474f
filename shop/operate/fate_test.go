package operate_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/tidewire/tidewire/toolkit/store"
)

// Whoever comes second to a letter is told what was done with it, by whom, when and why.
func TestWhatWasDecidedOnALetterIsTold(t *testing.T) {
	eachMovers(t, func(t *testing.T, m movers) {
		again, gone, edited := uuid.NewString(), uuid.NewString(), uuid.NewString()
		for _, id := range []string{again, gone, edited} {
			m.change(m.crew, func(tx *store.Tx) error { return tx.Exec(deadOf(id, "b")) })
		}
		for _, act := range [][2]string{
			{again + "/redrive", `{"who":"eve","why":"it is mended"}`},
			{gone + "/discard", `{"who":"adam","why":""}`},
			{edited + "/edit", `{"who":"eve","why":"by hand","body":{"n":1}}`},
		} {
			if status, text := m.do("POST", "/admin/v1/dead/crew/"+act[0], act[1]); status != 200 {
				t.Fatalf("%s: %d %s", act[0], status, text)
			}
		}
		for id, want := range map[string][]string{
			again:            {"It was redriven by eve at 20", "Z (it is mended)."},
			gone:             {"It was discarded by adam at 20", "Z."},
			edited:           {"It was edited by eve at 20", "Z (by hand): crew/", " has taken its place."},
			uuid.NewString(): {`"detail":"There is no such dead letter."`},
		} {
			for _, ask := range [][3]string{{"GET", "", ""}, {"POST", "/redrive", `{"who":"ann"}`}, {"POST", "/discard", `{"who":"ann"}`}, {"POST", "/edit", `{"who":"ann","body":{}}`}} {
				status, text := m.do(ask[0], "/admin/v1/dead/crew/"+id+ask[1], ask[2])
				for _, words := range want {
					if status != 404 || !strings.Contains(text, words) {
						t.Errorf("%s%s: got %d %s, want 404 with %q", id, ask[1], status, text, words)
					}
				}
			}
		}
	})
}
