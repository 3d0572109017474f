// Package mutant shows that the tests can fail: it switches off one rule after the other
// in a copy of the tree, and each time the test that guards the rule must notice.
//
// It compiles the tree for each, which takes minutes: `make soak` runs it.
package mutant
