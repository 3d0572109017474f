// Package user knows who the customers are.
//
//	owns       users: name, e-mail address, role
//	publishes  UserRegistered
//	consumes   nothing
//
// Who somebody is stays here: events and other services have the identifier only.
package user
