package journal

// What tests look at from outside.
var (
	ShardOf      = shardOf
	ParseSubject = parseSubject
	AddressOf    = addressOf
	AccountKey   = accountKey
	TooOld       = tooOld
)

// Subject is where an address lies.
func Subject(a address) string { return a.subject() }
