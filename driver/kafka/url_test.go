package kafka

import (
	"strings"
	"testing"
)

func TestURL(t *testing.T) {
	for _, tt := range []struct {
		name, url, want string // want: what is wrong; ""
		check           func(settings) bool
	}{
		{"a host", "kafka://a", "", func(s settings) bool {
			return s.seeds[0] == "a:9092" && s.create && s.replication == -1 && s.tls == nil
		}},
		{"hosts", "kafka://a:1,b:2/", "", func(s settings) bool { return strings.Join(s.seeds, " ") == "a:1 b:2" }},
		{"a password", "kafka://shop:p%40ss@a:1", "", func(s settings) bool { return s.user == "shop" && s.pass == "p@ss" && s.sasl == "scram-sha-256" }},
		{"everything", "kafka://u:p@a:1?tls=true&sasl=plain&prefix=x-&replication=3&create=false&unsafe=true", "", func(s settings) bool {
			return s.tls != nil && s.sasl == "plain" && s.prefix == "x-" && s.replication == 3 && !s.create && s.unsafe
		}},
		{"another scheme", "amqp://a", "must begin with kafka://", nil},
		{"no port", "kafka://a:x", `"a:x" is not HOST:PORT`, nil},
		{"no host", "kafka://:9092", "is not HOST:PORT", nil},
		{"an unknown key", "kafka://a?acks=1", "it has no acks", nil},
		{"an unknown mechanism", "kafka://u:p@a?sasl=gssapi", `sasl is "gssapi"`, nil},
		{"sasl without a user", "kafka://a?sasl=plain", "needs USER:PASSWORD@", nil},
		{"a password in the clear", "kafka://u:hush@a?sasl=plain", "sends the password readable", nil},
		{"no number", "kafka://a?replication=many", "must be a number from 1", nil},
		{"no truth", "kafka://a?tls=perhaps", "must be true or false", nil},
		{"a prefix that no topic can have", "kafka://a?prefix=%20", "prefix is", nil},
		{"a certificate without its key", "kafka://a?tls=true&cert=x", "belong together", nil},
		{"a certificate without TLS", "kafka://a?ca=x", "are for tls=true", nil},
		{"no certificate", "kafka://a?tls=true&ca=/nowhere/at/all", "ca: open /nowhere/at/all", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := parse(tt.url)
			switch {
			case tt.want == "" && (err != nil || !tt.check(s)):
				t.Errorf("got %+v, %v", s, err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hush")):
				t.Errorf("got %v, want %q without a password", err, tt.want)
			}
		})
	}
}
