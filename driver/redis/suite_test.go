package redis_test

import (
	"testing"

	"github.com/tidewire/tidewire/driver/redis"
	"github.com/tidewire/tidewire/toolkit/broadcast"
	"github.com/tidewire/tidewire/toolkit/broadcast/broadcasttest"
	"github.com/tidewire/tidewire/toolkit/limit"
	"github.com/tidewire/tidewire/toolkit/limit/limittest"
	"github.com/tidewire/tidewire/toolkit/run"
)

func TestBroadcast(t *testing.T) { testBroadcast(t, address(t, "TIDEWIRE_TEST_REDIS")) }

func TestBroadcastOverTLS(t *testing.T) { testBroadcast(t, address(t, "TIDEWIRE_TEST_REDIS_SECURE")) }

func testBroadcast(t *testing.T, url string) {
	broadcasttest.Run(t, broadcasttest.Harness{New: func(t *testing.T) (here, there broadcast.Driver) {
		url := with(url, own())
		return broadcasts(t, url, &run.Process{}), broadcasts(t, url, &run.Process{})
	}})
}

func TestLimiter(t *testing.T) {
	url := address(t, "TIDEWIRE_TEST_REDIS")
	limittest.Run(t, limittest.Harness{New: func(t *testing.T, r limit.Rate) (here, there limit.Limiter) {
		url := with(url, own())
		return redis.NewLimiter(open(t, url), "test", r), redis.NewLimiter(open(t, url), "test", r)
	}})
}
