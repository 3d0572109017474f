package stream

import (
	"fmt"

	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

// mourn says that a message is dead, in the commit that stores it, if next says so.
func (s *session) mourn(tx *store.Tx, m message.Message, next failure.Next) error {
	if !next.Dead {
		return nil
	}
	return tx.Handling(m).Append(message.DeadKey(m.ID), message.DeadLettered{
		Letter: s.DB.Service() + "/" + m.ID, Place: fmt.Sprintf("%s (%s)", s.Name, s.DB.Service()), Type: m.Kind, Key: m.Key,
		Cause: next.Past.Cause(), Problem: next.Problem(), Redrives: next.Past.Redrives})
}
