package inventory

import (
	"testing"

	"github.com/tidewire/tidewire/internal/databases"
	"github.com/tidewire/tidewire/toolkit/store"
)

// TestOnPostgres runs the tests that touch rows once more, on a real PostgreSQL.
func TestOnPostgres(t *testing.T) {
	databases.Again(t, map[string]func(*testing.T){
		"TestEveryMessageInEveryState":        TestEveryMessageInEveryState,
		"TestEachStyleHasItsTurn":             TestEachStyleHasItsTurn,
		"TestWhatIsNotTrackedNeverRunsOut":    TestWhatIsNotTrackedNeverRunsOut,
		"TestTombstoneOfAnEndedOrder":         TestTombstoneOfAnEndedOrder,
		"TestTombstoneEndsTheWaitForAProduct": TestTombstoneEndsTheWaitForAProduct,
		"TestProductTwice":                    TestProductTwice,
		"TestNothingIsSoldThatIsNotThere":     TestNothingIsSoldThatIsNotThere,
		"TestStoreConstraint":                 TestStoreConstraint,
		"TestAnyMessagesInAnyOrder":           TestAnyMessagesInAnyOrder,
		"TestDoor":                            TestDoor,
		"TestRestockOncePerKey":               TestRestockOncePerKey,
		"TestAdjustOncePerKey":                TestAdjustOncePerKey,
		"TestValueFollowsThePrice":            TestValueFollowsThePrice,
		"TestMovementsInPages":                TestMovementsInPages,
		"TestExpired":                         TestExpired,
		"TestCheck":                           TestCheck,
		"TestTwoSweepAtOnce":                  TestTwoSweepAtOnce,
		"TestExpiryMeetsTheEnd":               TestExpiryMeetsTheEnd,
	})
}

// database opens a new database.
func database(t testing.TB) *store.DB {
	t.Helper()
	return databases.Place(t, "inventory", Migrations())()
}
