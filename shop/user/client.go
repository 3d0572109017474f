package user

import (
	"context"
	"slices"

	userv1 "github.com/tidewire/tidewire/shop/api/tidewire/user/v1"
	"github.com/tidewire/tidewire/shop/contract"
	"google.golang.org/grpc"
)

// A Client is the user service for those in other processes. What it is asked for fails with
// door.ErrAway where there is no answer.
type Client struct{ to userv1.UserServiceClient }

// NewClient returns a Client that asks by a connection.
func NewClient(by grpc.ClientConnInterface) *Client {
	return &Client{to: userv1.NewUserServiceClient(by)}
}

// Known reports whether there is such a user.
func (c *Client) Known(ctx context.Context, id string) (bool, error) {
	out, err := c.to.CheckUser(ctx, &userv1.CheckUserRequest{Id: id})
	return out.GetKnown(), err
}

// Contact returns how those with these ids are to be written to now, in no order. Whom
// there is not is left out.
func (c *Client) Contact(ctx context.Context, ids []string) (all []contract.Contact, err error) {
	for some := range slices.Chunk(ids, maxAsked) {
		out, err := c.to.ListContacts(ctx, &userv1.ListContactsRequest{UserIds: some})
		if err != nil {
			return nil, err
		}
		for _, found := range out.Contacts {
			all = append(all, contract.Contact{UserID: found.UserId, Name: found.Name, Email: found.Email})
		}
	}
	return all, nil
}
