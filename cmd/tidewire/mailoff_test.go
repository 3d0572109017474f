package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidewire/tidewire/toolkit/store"
)

// Mail that is turned off with mails in its queue leaves a platform with which nothing is
// wrong; turned on again, they are in the queue again.
func TestMailTurnedOff(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	dead := []string{"--set", "mail=smtp://127.0.0.1:1"}
	r := up(t, data, dead...)
	r.orders(10)
	states := func() (all string) {
		change(t, data, "notification", func(tx *store.Tx) error {
			all = ""
			return tx.Rows(`SELECT DISTINCT status FROM notification WHERE template <> 'welcome' ORDER BY status`, nil, func(scan func(...any) error) error {
				var s string
				err := scan(&s)
				all += s + " "
				return err
			})
		})
		return strings.TrimSpace(all)
	}
	r.settled()
	r.read()
	r.term()
	if got := states(); got != "queued" {
		t.Fatalf("with a server that is away: %s", got)
	}
	change(t, data, "notification", func(tx *store.Tx) error { // they have waited for an hour
		return tx.Exec(`UPDATE job SET due = due - 3600000000, time = time - 3600000000`)
	})

	r = up(t, data)
	eventually(t, "the mails are held", func() bool { return strings.Contains(r.log.String(), "mails that waited for it are held") })
	if exit, out, _ := tidewire(t, r.flags("audit")...); exit != exitDone {
		t.Errorf("audit: exit %d\n%s", exit, out)
	}
	if found := r.findings(); len(found) != 0 {
		t.Errorf("doctor: %+v", found)
	}
	for name, n := range r.metrics() {
		if strings.HasPrefix(name, "tidewire_queue_oldest_seconds") && n > 30 {
			t.Errorf("%s is %v", name, n)
		}
	}
	if got := r.metrics()[`tidewire_notification_mails_total{result="held"}`]; got < 30 {
		t.Errorf("%v are counted", got)
	}
	r.term()
	if got := states(); got != "held" {
		t.Fatalf("without a server: %s", got)
	}

	r = up(t, data, dead...)
	eventually(t, "the first are tried", func() bool { return strings.Contains(r.log.String(), "takes no mail") })
	r.term()
	if got := states(); got != "queued" {
		t.Errorf("with a server again: %s", got)
	}
}
