package rig

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"
)

// RabbitMQ returns the URL of a new vhost on the test server.
func RabbitMQ(t *testing.T) string {
	t.Helper()
	server, api := os.Getenv("TIDEWIRE_TEST_RABBITMQ"), os.Getenv("TIDEWIRE_TEST_RABBITMQ_API")
	if server == "" || api == "" {
		t.Skip("TIDEWIRE_TEST_RABBITMQ is not set: RabbitMQ was not tested")
	}
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("lab_%d", time.Now().UnixNano())
	manage(t, "PUT", api+"/api/vhosts/"+name, "")
	t.Cleanup(func() { manage(t, "DELETE", api+"/api/vhosts/"+name, "") })
	manage(t, "PUT", api+"/api/permissions/"+name+"/"+u.User.Username(), `{"configure":".*","write":".*","read":".*"}`)
	u.Path = "/" + name
	return u.String()
}

// manage asks the server's management.
func manage(t *testing.T, method, url, body string) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("%v\nrun scripts/servers up rabbitmq", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		t.Fatalf("%s %s: %s", method, url, resp.Status)
	}
}
