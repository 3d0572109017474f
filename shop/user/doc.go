// Package user knows who the customers are.
//
//	owns       users: name, e-mail address, role
//	publishes  UserRegistered, UserUpdated
//	consumes   nothing
//
// Who somebody is stays here: events have the identifier only. A service that writes to
// people asks for a Contact when it does, and so has the address of that moment.
package user
