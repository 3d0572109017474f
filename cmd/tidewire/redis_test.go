package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	goredis "github.com/redis/go-redis/v9"
)

// cached returns the address of the real server, for a platform of its own, and what is
// told on it of each topic.
func cached(t *testing.T) (url string, told func() map[string]bool) {
	t.Helper()
	url = os.Getenv("TIDEWIRE_TEST_REDIS")
	if url == "" {
		t.Skip(`skipped: the platform with Redis; eval "$(scripts/servers env redis)" after scripts/servers up redis`)
	}
	prefix := "t-" + uuid.NewString()
	o, err := goredis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	c := goredis.NewClient(o)
	heard := c.PSubscribe(t.Context(), prefix+":*")
	if _, err := heard.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := heard.Close(); err != nil {
			t.Error(err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	topics, messages := map[string]bool{}, heard.Channel()
	return url + "?prefix=" + prefix, func() map[string]bool {
		for {
			select {
			case m := <-messages:
				topic, _, _ := strings.Cut(strings.TrimPrefix(m.Channel, prefix+":"), "/")
				topics[topic] = true
			default:
				return topics
			}
		}
	}
}

// What one instance changes is told to the other, which shows an order as it moves without
// having done anything for it.
func TestTwoInstancesTellEachOther(t *testing.T) {
	url, told := cached(t)
	db := database(t)
	one := up(t, filepath.Join(t.TempDir(), "one"), "--set", "database="+db, "--set", "cache="+url)
	two := up(t, filepath.Join(t.TempDir(), "two"), "--set", "database="+db, "--set", "cache="+url, "--set", "payment.simulator="+one.simulator)
	one.ends(`{"userId":"1","productId":"1","quantity":1}`, "completed", "")
	two.ends(`{"userId":"1","productId":"1","quantity":1}`, "completed", "")
	if status, _ := one.do("PATCH", "/api/products/1", `{"price":"7.77"}`); status != 200 {
		t.Fatalf("PATCH: %d", status)
	}
	eventually(t, "the other has the new price", func() bool {
		return two.ends(`{"userId":"1","productId":"1","quantity":1}`, "completed", "")["total"] == "7.77"
	})
	eventually(t, "what others are told is told", func() bool { // numbers are told while somebody looks
		topics := told()
		return topics["product.changed"] && topics["order.changes"]
	})
	if n := two.metrics()["tidewire_cache_away"]; n != 0 {
		t.Errorf("the cache is away: %v", n)
	}
	if found := two.findings(); len(found) != 0 {
		t.Errorf("doctor: %+v", found)
	}
}

// Without its cache a platform works and is ready, and doctor says what is missing.
func TestACacheThatIsAway(t *testing.T) {
	r := up(t, filepath.Join(t.TempDir(), "data"), "--set", "cache=redis://shop:hush@127.0.0.1:1")
	r.ends(`{"userId":"1","productId":"1","quantity":1}`, "completed", "")
	r.ready()
	eventually(t, "a metric says that it is away", func() bool { return r.metrics()["tidewire_cache_away"] == 1 })
	found := r.findings()
	if len(found) != 1 || !strings.HasPrefix(found[0].What, "cache: the Redis at 127.0.0.1:1 does not answer") || !strings.Contains(found[0].Do, "nothing is lost") {
		t.Errorf("doctor: %+v", found)
	}
	for _, text := range []string{r.log.String(), found[0].What} {
		if strings.Contains(text, "hush") {
			t.Errorf("a secret is in %s", text)
		}
	}
	if exit, _ := r.term(); exit != exitDone {
		t.Errorf("SIGTERM: exit %d", exit)
	}
}

// A password that is wrong today is wrong tomorrow: nothing is made, and nothing started.
func TestACacheThatRefusesUs(t *testing.T) {
	url, _ := cached(t)
	data := filepath.Join(t.TempDir(), "data")
	exit, out, stderr := tidewire(t, "up", "--data", data, "--set", "listen=127.0.0.1:0", "--set", "admin=127.0.0.1:0", "--set", "cache="+strings.Replace(url, "redis://", "redis://nobody:hush@", 1))
	if exit != exitWrong || out != "" || !strings.Contains(stderr, "cache: the Redis at ") || !strings.Contains(stderr, "refuses the user and the password") || strings.Contains(stderr, "hush") {
		t.Errorf("exit %d, %q, %q", exit, out, stderr)
	}
	if _, err := os.Stat(data); !os.IsNotExist(err) {
		t.Errorf("the data directory was made: %v", err)
	}
}
