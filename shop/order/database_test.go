package order

import (
	"testing"

	"github.com/tidewire/tidewire/internal/databases"
	"github.com/tidewire/tidewire/toolkit/store"
)

// TestOnPostgres runs the tests that touch rows once more, on a real PostgreSQL.
func TestOnPostgres(t *testing.T) {
	databases.Again(t, map[string]func(*testing.T){
		"TestRebuildOrders":                   TestRebuildOrders,
		"TestRebuildMendsOrders":              TestRebuildMendsOrders,
		"TestEveryMessageInEveryState":        TestEveryMessageInEveryState,
		"TestConductedOrder":                  TestConductedOrder,
		"TestJoinedOrder":                     TestJoinedOrder,
		"TestOperatorCallsOff":                TestOperatorCallsOff,
		"TestWhereACancelledOrderStood":       TestWhereACancelledOrderStood,
		"TestAnyMessagesInAnyOrder":           TestAnyMessagesInAnyOrder,
		"TestAcceptWritesThreeRows":           TestAcceptWritesThreeRows,
		"TestPlaceInBothForms":                TestPlaceInBothForms,
		"TestOwnIDs":                          TestOwnIDs,
		"TestIdempotencyKey":                  TestIdempotencyKey,
		"TestPreferWait":                      TestPreferWait,
		"TestCancel":                          TestCancel,
		"TestFinalListsInTheOrderOfTheEnds":   TestFinalListsInTheOrderOfTheEnds,
		"TestLists":                           TestLists,
		"TestARepeatIsNotAskedAbout":          TestARepeatIsNotAskedAbout,
		"TestHistory":                         TestHistory,
		"TestEnded":                           TestEnded,
		"TestGoldenHistoriesMakeTheSameOrder": TestGoldenHistoriesMakeTheSameOrder,
		"TestAnOrderOfANewerBinary":           TestAnOrderOfANewerBinary,
		"TestVerified":                        TestVerified,
		"TestUnverifiedEnds":                  TestUnverifiedEnds,
		"TestOrdersWithoutUsers":              TestOrdersWithoutUsers,
	})
}

// database opens a new database.
func database(t testing.TB) *store.DB {
	t.Helper()
	return databases.Place(t, "order", Migrations())()
}
