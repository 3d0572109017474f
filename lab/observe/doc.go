// Package observe tries the platform as those see it who watch it: an order is found in a
// real Zipkin with every step that it took, and a real Prometheus runs every expression
// of the dashboard and of the alerts while orders flow.
//
// It builds the program and speaks to it over HTTP only. The servers are those of
// scripts/servers; a test without its server is skipped, and says so.
package observe
