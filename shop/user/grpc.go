package user

import (
	"context"

	userv1 "github.com/tidewire/tidewire/shop/api/tidewire/user/v1"
	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/shop/door/rpc"
)

// maxAsked is how many users can be asked about at a time.
const maxAsked = 1000

// RPC is the gRPC door.
func (s *Service) RPC(customers rpc.Door) rpc.Service {
	return rpc.Service{Name: "user", Desc: &userv1.UserService_ServiceDesc, Impl: &calls{s: s, door: customers}}
}

// calls are what others can call.
type calls struct {
	userv1.UnimplementedUserServiceServer
	s    *Service
	door rpc.Door
}

// RegisterUser registers a user, as customers do.
func (c *calls) RegisterUser(ctx context.Context, in *userv1.RegisterUserRequest) (*userv1.RegisterUserResponse, error) {
	out := &userv1.RegisterUserResponse{User: &userv1.User{}}
	_, err := c.door.Ask(ctx, rpc.Ask{Method: "POST", Path: "/api/users", Body: in}, out.User)
	return out, err
}

// GetUser shows a user.
func (c *calls) GetUser(ctx context.Context, in *userv1.GetUserRequest) (*userv1.GetUserResponse, error) {
	out := &userv1.GetUserResponse{User: &userv1.User{}}
	_, err := c.door.Ask(ctx, rpc.Ask{Method: "GET", Path: rpc.Path("/api/users/", in.Id)}, out.User)
	return out, err
}

// CheckUser answers Known.
func (c *calls) CheckUser(ctx context.Context, in *userv1.CheckUserRequest) (*userv1.CheckUserResponse, error) {
	known, err := c.s.Known(ctx, in.Id)
	return &userv1.CheckUserResponse{Known: known}, err
}

// ListContacts answers Contact.
func (c *calls) ListContacts(ctx context.Context, in *userv1.ListContactsRequest) (*userv1.ListContactsResponse, error) {
	if len(in.UserIds) > maxAsked {
		return nil, door.Invalid(door.Field{Cause: "too-many", Field: "user_ids", Detail: "must be at most 1000"})
	}
	found, err := c.s.Contact(ctx, in.UserIds)
	out := &userv1.ListContactsResponse{}
	for _, f := range found {
		out.Contacts = append(out.Contacts, &userv1.Contact{UserId: f.UserID, Name: f.Name, Email: f.Email})
	}
	return out, err
}
