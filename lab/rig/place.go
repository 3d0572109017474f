package rig

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// server returns the address of a server that all tests share, which scripts/servers starts.
func server(t *testing.T, name string) *url.URL {
	t.Helper()
	key := "TIDEWIRE_TEST_" + strings.ToUpper(name)
	at := os.Getenv(key)
	if at == "" {
		t.Skipf("%s is not set: %s was not tested; eval \"$(scripts/servers env %s)\"", key, name, name)
	}
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// own is the name of what one test has on a shared server.
func own() string { return fmt.Sprintf("lab_%d", time.Now().UnixNano()) }

// Postgres returns the URL of a new database.
func Postgres(t *testing.T) string {
	t.Helper()
	u, name := server(t, "postgres"), own()
	psql := func(query string) {
		if out, err := exec.Command("psql", server(t, "postgres").String(), "-qc", query).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", query, err, out)
		}
	}
	psql("CREATE DATABASE " + name)
	t.Cleanup(func() { psql("DROP DATABASE " + name + " WITH (FORCE)") })
	u.Path = "/" + name
	return u.String()
}

// Kafka returns the URL of topics of one's own.
func Kafka(t *testing.T) string { return prefixed(t, "kafka") }

// Redis returns the URL of channels of one's own.
func Redis(t *testing.T) string { return prefixed(t, "redis") }

// Search returns the URL of indexes of one's own.
func Search(t *testing.T) string { return prefixed(t, "search") }

// prefixed returns the URL of a server with a prefix of one's own for all that is there.
func prefixed(t *testing.T, name string) string {
	t.Helper()
	u := server(t, name)
	query := u.Query()
	query.Set("prefix", strings.ReplaceAll(own(), "_", "-")+"-")
	u.RawQuery = query.Encode()
	return u.String()
}

// RabbitMQ returns the URL of a new vhost.
func RabbitMQ(t *testing.T) string {
	t.Helper()
	u, api, name := server(t, "rabbitmq"), server(t, "rabbitmq_api"), own()
	manage := func(method, path, body string) {
		t.Helper()
		req, err := http.NewRequest(method, api.JoinPath("api", path).String(), strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode >= http.StatusBadRequest {
			t.Errorf("%s %s: %s", method, path, resp.Status)
		}
	}
	manage("PUT", "vhosts/"+name, "{}")
	t.Cleanup(func() { manage("DELETE", "vhosts/"+name, "") })
	manage("PUT", "permissions/"+name+"/"+u.User.Username(), `{"configure":".*","write":".*","read":".*"}`)
	u.Path = "/" + name
	return u.String()
}
