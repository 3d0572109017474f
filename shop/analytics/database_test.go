package analytics

import (
	"testing"

	"github.com/tidewire/tidewire/internal/databases"
	"github.com/tidewire/tidewire/toolkit/store"
)

// TestOnPostgres runs the tests that touch rows once more, on a real PostgreSQL.
func TestOnPostgres(t *testing.T) {
	databases.Again(t, map[string]func(*testing.T){
		"TestEveryEventInEveryState":       TestEveryEventInEveryState,
		"TestTheFirstEndStays":             TestTheFirstEndStays,
		"TestReadAgainFromTheBeginning":    TestReadAgainFromTheBeginning,
		"TestTwoInstances":                 TestTwoInstances,
		"TestADeadEventHoldsUpNoOther":     TestADeadEventHoldsUpNoOther,
		"TestOneOfABatchFails":             TestOneOfABatchFails,
		"TestTheLatestNameStays":           TestTheLatestNameStays,
		"TestPage":                         TestPage,
		"TestPageOfNothing":                TestPageOfNothing,
		"TestPageIsOfCountersAlone":        TestPageIsOfCountersAlone,
		"TestOrderOfEventsChangesNoNumber": TestOrderOfEventsChangesNoNumber,
		"TestTheFoldIsTheHandlers":         TestTheFoldIsTheHandlers,
		"TestRebuildMends":                 TestRebuildMends,
	})
}

// database opens a new database.
func database(t testing.TB) *store.DB {
	t.Helper()
	return databases.Place(t, "analytics", Migrations())()
}
