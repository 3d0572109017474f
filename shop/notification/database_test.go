package notification

import (
	"testing"

	"github.com/tidewire/tidewire/internal/databases"
	"github.com/tidewire/tidewire/toolkit/store"
)

// TestOnPostgres runs the tests that touch rows once more, on a real PostgreSQL.
func TestOnPostgres(t *testing.T) {
	databases.Again(t, map[string]func(*testing.T){
		"TestWhoIsToldWhat":              TestWhoIsToldWhat,
		"TestEveryOrderOfEvents":         TestEveryOrderOfEvents,
		"TestStoredCostsOneRow":          TestStoredCostsOneRow,
		"TestWhatTheServerSays":          TestWhatTheServerSays,
		"TestMailIsRecordedOnce":         TestMailIsRecordedOnce,
		"TestMailsOfATimeWithoutAServer": TestMailsOfATimeWithoutAServer,
		"TestMailTurnedOffAndOn":         TestMailTurnedOffAndOn,
		"TestHoldsWhatIsNobodys":         TestHoldsWhatIsNobodys,
		"TestManyAreHeldAndSent":         TestManyAreHeldAndSent,
		"TestRestoredAlone":              TestRestoredAlone,
		"TestList":                       TestList,
		"TestTwoInstances":               TestTwoInstances,
	})
}

// database opens a new database.
func database(t testing.TB) *store.DB {
	t.Helper()
	return databases.Place(t, "notification", Migrations())()
}
