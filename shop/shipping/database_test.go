package shipping

import (
	"testing"

	"github.com/tidewire/tidewire/internal/databases"
	"github.com/tidewire/tidewire/toolkit/store"
)

// TestOnPostgres runs the tests that touch rows once more, on a real PostgreSQL.
func TestOnPostgres(t *testing.T) {
	databases.Again(t, map[string]func(*testing.T){
		"TestEveryMessageInEveryState": TestEveryMessageInEveryState,
		"TestTombstoneOfAnEndedOrder":  TestTombstoneOfAnEndedOrder,
		"TestShipOrderIsAnswered":      TestShipOrderIsAnswered,
		"TestOthersAreCommanded":       TestOthersAreCommanded,
		"TestDoor":                     TestDoor,
		"TestParcelsMove":              TestParcelsMove,
		"TestManyParcelsMoveInChunks":  TestManyParcelsMoveInChunks,
		"TestWorkIsEnsured":            TestWorkIsEnsured,
		"TestWorkIsNotTaken":           TestWorkIsNotTakenFromAWorker,
		"TestWorkIsSentOnce":           TestWorkIsSentOnce,
		"TestRecalled":                 TestRecalledWhileTheCarrierIsAsked,
		"TestAnswerTwice":              TestAnswerTwice,
	})
}

// database opens a new database.
func database(t testing.TB) *store.DB {
	t.Helper()
	return databases.Place(t, "shipping", Migrations())()
}
