// Package poison brings messages into a running platform that a bug cannot stomach, and
// takes them home again as an operator does: twenty good orders to each poisoned one, five
// causes, one edited, the rest redriven at a rate, while the client and the platform are
// killed.
//
//	bug planted ─► good orders, without and with poisoned ones among them ─► dead, in five groups
//	            ─► one edited, and home ─► bug mended ─► redrive, kill -9, go on ─► each effect once
//
// The bug is one of the inventory service: triggers in its database fail for the names of
// five products, as code would that cannot take them. All else is the built binary, through
// its doors and its commands. The number of poisoned orders is TIDEWIRE_POISON (20);
// `make soak` has 1,000 among 20,000 good ones, and there the good ones must not take more
// than 1.3 times as long as without.
package poison
