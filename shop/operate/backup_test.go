package operate_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidewire/tidewire/shop/operate"
)

// One backup at a time, and whoever asks sees how far it has come and what became of it.
func TestBackupsOneAtATime(t *testing.T) {
	s := newShop(t)
	if status, text := s.do("POST", "/admin/v1/backup", `{"dir":"/b"}`); status != 409 || !strings.Contains(text, "pg_dump") {
		t.Errorf("kept by a server: %d %s", status, text)
	}
	if status, _ := s.do("GET", "/admin/v1/backup", ""); status != 404 {
		t.Errorf("none made: %d", status)
	}
	half, ends := make(chan struct{}), make(chan error)
	b := operate.NewBackups("/data", func(_ context.Context, dir string, tell func(done, all int64)) (time.Duration, error) {
		tell(50, 100)
		half <- struct{}{}
		err := <-ends
		tell(100, 100)
		return 1500 * time.Microsecond, err
	})
	s.desk.Backups = b
	if status, _ := s.do("GET", "/admin/v1/backup", ""); status != 404 {
		t.Errorf("none made yet: %d", status)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- b.Run(ctx) }()
	for _, tt := range []struct {
		body string
		want int
		says string
	}{
		{`{"dir":"b"}`, 422, `"field":"dir"`},
		{`{"dir":""}`, 422, `"field":"dir"`},
		{`{"dir":"/b","data":"/other"}`, 409, "has its data in /data"},
		{`{"dir":"/b","extra":1}`, 400, `"field":"extra"`},
		{`{"dir":"/b","data":"/data"}`, 202, `"state":"running"`},
		{`{"dir":"/c"}`, 409, "into /b is being made"},
	} {
		if status, text := s.do("POST", "/admin/v1/backup", tt.body); status != tt.want || !strings.Contains(text, tt.says) {
			t.Errorf("%s: got %d %s, want %d %s", tt.body, status, text, tt.want, tt.says)
		}
	}
	state := func(want ...string) {
		t.Helper()
		_, text := s.do("GET", "/admin/v1/backup", "")
		for _, w := range want {
			if !strings.Contains(text, w) {
				t.Errorf("got %s, want %s in it", text, w)
			}
		}
	}
	<-half
	state(`"state":"running"`, `"done":50`, `"all":100`)
	ends <- errors.New("disk full")
	for { // the next is taken once the last has ended
		if status, _ := s.do("POST", "/admin/v1/backup", `{"dir":"/d"}`); status == 202 {
			break
		}
	}
	<-half
	ends <- nil
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	state(`"state":"done"`, `"dir":"/d"`, `"heldMs":1.5`, `"done":100`)
}

// What fails says why, and the next may be made.
func TestBackupThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shop{t: t, desk: &operate.Desk{}}
		m, err := operate.NewMetrics()
		if err != nil {
			t.Fatal(err)
		}
		s.door = s.desk.Handler(m)
		s.desk.Backups = operate.NewBackups("/data", func(ctx context.Context, _ string, _ func(done, all int64)) (time.Duration, error) {
			<-ctx.Done()
			return 0, context.Cause(ctx)
		})
		ctx, cancel := context.WithCancel(t.Context())
		go s.desk.Backups.Run(ctx)
		s.do("POST", "/admin/v1/backup", `{"dir":"/b"}`)
		synctest.Wait()
		cancel()
		synctest.Wait()
		if _, text := s.do("GET", "/admin/v1/backup", ""); !strings.Contains(text, `"state":"failed"`) || !strings.Contains(text, "canceled") {
			t.Errorf("got %s", text)
		}
	})
}
