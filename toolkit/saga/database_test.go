package saga_test

import (
	"testing"

	"github.com/tidewire/tidewire/internal/databases"
)

// TestOnPostgres runs the tests that touch rows once more, on a real PostgreSQL.
func TestOnPostgres(t *testing.T) {
	databases.Again(t, map[string]func(*testing.T){
		"TestWays":                        TestWays,
		"TestServices":                    TestServices,
		"TestServiceIsAway":               TestServiceIsAway,
		"TestServiceIsStopped":            TestServiceIsStopped,
		"TestPastThePivotNothingIsUndone": TestPastThePivotNothingIsUndone,
		"TestKnown":                       TestKnown, "TestMoved": TestMoved, "TestDeadlines": TestDeadlines, "TestRetryGivesTime": TestRetryGivesTime, "TestRetryKeepsALaterDeadline": TestRetryKeepsALaterDeadline,
		"TestUnknown": TestUnknown, "TestClosedAtAFormerStep": TestClosedAtAFormerStep, "TestAStepThatFails": TestAStepThatFails, "TestReady": TestReady, "TestDiagram": TestDiagram,
		"TestTwoInstances": TestTwoInstances,
	})
}
