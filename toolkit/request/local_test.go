package request_test

import (
	"testing"

	"github.com/tidewire/tidewire/toolkit/request"
	"github.com/tidewire/tidewire/toolkit/request/requesttest"
)

func TestLocal(t *testing.T) {
	requesttest.Run(t, requesttest.Harness{New: func(_ *testing.T, waiting int) request.Driver { return &request.Local{Waiting: waiting} }})
}
