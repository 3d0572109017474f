// Package archtest fails when the tree breaks its own rules: who may import whom, and
// how large a file, a function or a package may grow. It has nothing but tests.
package archtest
