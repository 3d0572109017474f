package poison

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tidewire/tidewire/lab/rig"
	"github.com/tidewire/tidewire/toolkit/store"
)

const (
	each    = 20   // good orders to a poisoned one
	turns   = 4    // of good orders without and with poisoned ones
	full    = 1000 // poisoned orders, from which on the bound on time holds
	slowest = 1.3  // times as long as without
)

// causes are what the bug makes of the names of five products: some of the same words, and
// some with what differs from letter to letter.
var causes = []string{"the shelf is broken", "no such thing", "the price is 17.5", "the sky fell at 12:30:01", `column "total_sum" is missing`}

// size is how many orders are poisoned, a multiple of the causes and the turns.
func size(t *testing.T) int {
	s := os.Getenv("TIDEWIRE_POISON")
	if s == "" {
		return len(causes) * turns
	}
	n, err := strconv.Atoi(s)
	if step := len(causes) * turns; err != nil || n <= 0 || n%step != 0 {
		t.Fatalf("TIDEWIRE_POISON is %q, must be a multiple of %d", s, step)
	}
	return n
}

// An outbreak is a platform and the poisoned orders in it.
type outbreak struct {
	*platform
	size   int
	placed int
}

func TestPoison(t *testing.T) {
	o := &outbreak{platform: newPlatform(t), size: size(t)}
	began := time.Now()
	o.Start()
	o.Stop() // the databases are there
	o.plant()
	o.Start()
	o.shelve()
	if ratio := o.measure(); ratio > slowest && o.size >= full {
		t.Errorf("good orders take %.2f times as long beside poisoned ones, want at most %.1f", ratio, slowest)
	}
	if late := o.dead(); late < o.size {
		t.Fatalf("%d dead letters of %d: orders have ended by their deadline of five minutes: this machine is too slow for so many", late, o.size)
	}
	o.inGroups()
	o.edit()
	o.Stop()
	o.mend()
	o.Start()
	o.redrive()
	o.home()
	o.Stop()
	o.EndProvider()
	o.once()
	t.Logf("%d poisoned orders among %d good ones came home, in %v from the first start", o.size, each*o.size, time.Since(began).Round(time.Second))
}

// plant is the release with the bug.
func (o *outbreak) plant() {
	o.in("inventory", func(tx *store.Tx) error {
		for i, cause := range causes {
			err := tx.Exec(fmt.Sprintf(`CREATE TRIGGER bug_%d BEFORE INSERT ON reservation WHEN NEW.lines LIKE '%%"Poison %d"%%' BEGIN SELECT RAISE(ABORT, '%s'); END`, i, i, cause))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// mend is the release without it.
func (o *outbreak) mend() {
	o.in("inventory", func(tx *store.Tx) error {
		for i := range causes {
			if err := tx.Exec(fmt.Sprintf(`DROP TRIGGER bug_%d`, i)); err != nil {
				return err
			}
		}
		return nil
	})
}

// shelve lists the five products, twice as many of each as will be ordered.
func (o *outbreak) shelve() {
	for i := range causes {
		body := fmt.Sprintf(`{"id":"poison-%d","name":"Poison %d","price":"10.00","stock":%d}`, i, i, 2*o.size/len(causes))
		if err := o.Ask(http.StatusCreated, "POST", o.Listen()+"/api/products", body, nil); err != nil {
			o.Fatal(err)
		}
	}
}

// order is the id of a poisoned order.
func order(n int) string { return fmt.Sprintf("bad-%d", n) }

// place places some poisoned orders, spread over a time. What is refused for the moment is
// placed again, as load does with the good ones.
func (o *outbreak) place(some int, over time.Duration) error {
	tick := time.NewTicker(max(over/time.Duration(some), time.Millisecond))
	defer tick.Stop()
	for end := o.placed + some; o.placed < end; {
		<-tick.C
		body := fmt.Sprintf(`{"id":%q,"userId":"1","items":[{"productId":"poison-%d","quantity":1}]}`, order(o.placed), o.placed%len(causes))
		switch err := o.Ask(http.StatusAccepted, "POST", o.Listen()+"/api/orders", body, nil); {
		case err == nil:
			o.placed++
		case !errors.Is(err, rig.ErrBusy):
			return err
		}
	}
	return nil
}

// load places good orders, which must all be completed, and returns how long they took.
func (o *outbreak) load(orders int) time.Duration {
	o.Helper()
	var report struct {
		Completed int
		Seconds   float64
	}
	o.Tidewire(&report, "load", "--url", o.URL(), "--orders", strconv.Itoa(orders), "--ledger", o.Ledger(), "--json")
	if report.Completed != orders {
		o.Fatalf("%d of %d good orders were completed", report.Completed, orders)
	}
	return time.Duration(report.Seconds * float64(time.Second))
}

// measure places all orders, and returns how many times as long a good one takes beside
// poisoned ones as without. A turn without comes before each turn with, once the poison of
// the turn before has died: so both see the same machine.
func (o *outbreak) measure() float64 {
	good := each * o.size / turns
	var without, with time.Duration
	for range turns {
		clean := o.load(good)
		placing := make(chan error, 1)
		go func() { placing <- o.place(o.size/turns, clean*9/10) }()
		mixed := o.load(good)
		if err := <-placing; err != nil {
			o.Fatal(err)
		}
		without, with = without+clean, with+mixed
		o.Logf("%d good orders: %.2f s alone, %.2f s beside %d poisoned ones", good, clean.Seconds(), mixed.Seconds(), o.size/turns)
		o.Until("all poison has died", func() bool { return o.dead() >= o.placed })
	}
	ratio := float64(with) / float64(without)
	o.Logf("good orders take %.2f times as long beside poisoned ones", ratio)
	return ratio
}

// A group is a line of dead list.
type group struct {
	Service, Kind, Problem string
	Count                  int
}

// dead counts the dead letters, which are all of the bug; -1 while the platform is killed.
func (o *outbreak) dead() (n int) {
	var page struct{ Items []group }
	if err := o.Ask(http.StatusOK, "GET", o.Admin()+"/admin/v1/dead/groups?kind=ReserveStock", "", &page); err != nil {
		return -1
	}
	for _, g := range page.Items {
		n += g.Count
	}
	return n
}

// inGroups checks what an operator is shown.
func (o *outbreak) inGroups() {
	var groups []group
	o.Tidewire(&groups, "dead", "list", "--json")
	if len(groups) != len(causes) {
		o.Errorf("%d groups, want %d: %+v", len(groups), len(causes), groups)
	}
	for _, g := range groups {
		if g.Service != "inventory" || g.Kind != "ReserveStock" || g.Count != o.size/len(causes) {
			o.Errorf("got %+v, want %d of inventory", g, o.size/len(causes))
		}
	}
}

// edit puts a message with another name in the place of one, which brings it home while the
// bug is there.
func (o *outbreak) edit() {
	var letters []struct{ ID, Key string }
	o.Tidewire(&letters, "dead", "list", "--letters", "--cause", causes[0], "--json")
	if len(letters) != o.size/len(causes) {
		o.Fatalf("%d letters died of %s, want %d", len(letters), causes[0], o.size/len(causes))
	}
	o.Tidewire(nil, "dead", "edit", letters[0].ID, "--put", "/lines/0/name=Cure", "--redrive", "--why", "a name that it can take")
	o.Until("the edited one is home", func() bool { return o.status(letters[0].Key) == "completed" })
	if left := o.dead(); left != o.size-1 {
		o.Errorf("%d are dead, want %d", left, o.size-1)
	}
}

func (o *outbreak) status(id string) string {
	var shown struct{ Status, Reason string }
	if err := o.Ask(http.StatusOK, "GET", o.Listen()+"/api/orders/"+id, "", &shown); err != nil {
		return err.Error()
	}
	return strings.TrimSpace(shown.Status + " " + shown.Reason)
}

// redrive redrives all at half their number a second. The command is killed in the middle of
// it, then the platform, and each time it goes on with what it had printed.
func (o *outbreak) redrive() {
	rate := o.size / 2
	first, line := o.redriving(rate)
	o.Until("a fifth is redriven", func() bool { left := o.dead(); return left >= 0 && left < o.size*8/10 })
	_ = first.Process.Kill()
	_ = first.Wait() // it was killed
	found := regexp.MustCompile(`--died-before (\S+)`).FindStringSubmatch(line)
	if found == nil {
		o.Fatalf("redrive said %q, and not how to go on", line)
	}
	left := o.dead()
	o.Logf("the command was killed, %d were left", left)
	second, _ := o.redriving(rate, "--died-before", found[1])
	o.Until("half is redriven", func() bool { left := o.dead(); return left >= 0 && left < o.size/2 })
	if err := o.Signal(syscall.SIGKILL); err != nil {
		o.Fatal(err)
	}
	if err := second.Wait(); err == nil {
		o.Errorf("redrive was at its end before the platform was killed")
	}
	o.Start()
	left = o.dead()
	began := time.Now()
	o.Tidewire(nil, o.redrives(rate, "--died-before", found[1])...)
	took := time.Since(began)
	o.Logf("the platform was killed, %d were left: redriven in %.2f s", left, took.Seconds())
	if part := rate / 5; took < time.Duration(left-part)*time.Second/time.Duration(rate) {
		o.Errorf("%d were redriven in %v, which is more than %d/s", left, took, rate)
	}
}

func (o *outbreak) redrives(rate int, more ...string) []string {
	return append([]string{"dead", "redrive", "--all", "--service", "inventory", "--rate", strconv.Itoa(rate), "--why", "the bug is mended"}, more...)
}

// redriving begins a redrive, and returns it with the first line that it prints.
func (o *outbreak) redriving(rate int, more ...string) (cmd *exec.Cmd, line string) {
	o.Helper()
	cmd = o.About(o.redrives(rate, more...)...)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		o.Fatal(err)
	}
	line, err = bufio.NewReader(out).ReadString('\n')
	if err != nil {
		o.Fatalf("redrive said %q, %v", line, err)
	}
	return cmd, line
}

// home waits until every poisoned order is completed, and its goods are off the shelf.
func (o *outbreak) home() {
	for n := range o.size {
		o.Until(order(n)+" is completed", func() bool { return o.status(order(n)) == "completed" })
	}
	for i := range causes {
		var s struct{ OnHand, Reserved int }
		o.Until(fmt.Sprintf("product %d is off the shelf", i), func() bool {
			err := o.Ask(http.StatusOK, "GET", fmt.Sprintf("%s/api/inventory/poison-%d", o.Listen(), i), "", &s)
			return err == nil && s.Reserved == 0 && s.OnHand == o.size/len(causes)
		})
	}
	var groups []group
	if o.Tidewire(&groups, "dead", "list", "--json"); len(groups) > 0 {
		o.Errorf("dead are still %+v", groups)
	}
}

// once checks that each effect of each poisoned order is there, and once; and all else.
func (o *outbreak) once() {
	const bad = " LIKE 'bad-%'"
	for _, tt := range []struct {
		what, file, column, from string
		want                     int
	}{
		{"reservations", "inventory", "order_id", "reservation WHERE status = 'shipped' AND order_id" + bad, o.size},
		{"words that stock is reserved", "inventory", "key", "journal WHERE kind = 'InventoryUpdated' AND key" + bad, o.size},
		{"movements of stock", "inventory", "order_id", "movement WHERE order_id" + bad, o.size},
		{"captures", "simulator", "order_id", "charge WHERE status = 'captured' AND order_id" + bad, o.size},
		{"parcels", "shipping", "order_id", "shipment WHERE order_id" + bad, o.size},
		{"completions", "order", "key", "journal WHERE kind = 'OrderCompleted' AND key" + bad, o.size},
		{"deaths", "inventory", "key", "journal WHERE kind = 'DeadLettered'", o.size},
		{"redrives", "inventory", "key", "journal WHERE kind = 'DeadLetterDecided' AND CAST(body AS TEXT) LIKE '%\"act\":\"redrive\"%'", o.size}, // one of what was edited
		{"edits", "inventory", "key", "journal WHERE kind = 'DeadLetterDecided' AND CAST(body AS TEXT) LIKE '%\"act\":\"edit\"%'", 1},
	} {
		if all, different := o.count(tt.file, tt.column, tt.from); all != tt.want || different != tt.want {
			o.Errorf("%d %s, of %d; want one of each of %d", all, tt.what, different, tt.want)
		}
	}
	o.Audit("--final", "--rest") // it is stopped
}
