package message

// DeadLettered says that a message has become dead: nobody could handle it, and it waits
// for an operator. It is said in the commit in which that is stored, in the journal of the
// service that gave up, with the key "dead:" and the message's id, apart from the history
// of what the message is about; the dead message is its cause. It is of class Audit: any
// service may follow it, to wake somebody, and it is kept for the retention.
type DeadLettered struct {
	Letter   string `json:"letter"`   // service/message, as operators name it
	Place    string `json:"place"`    // its queue, or log (subscription)
	Type     string `json:"type"`     // its kind
	Key      string `json:"key"`      // its own
	Cause    string `json:"cause"`    // of its last failure
	Problem  string `json:"problem"`  // what the cause has in common with others
	Redrives int    `json:"redrives"` // how often it was given a new start before
}

// Kind is the name of the contract.
func (DeadLettered) Kind() string { return "DeadLettered" }

// Class keeps it out of the service's own facts.
func (DeadLettered) Class() Class { return Audit }

// DeadKey is the key of all that is said about a dead message.
func DeadKey(id string) string { return "dead:" + id }
