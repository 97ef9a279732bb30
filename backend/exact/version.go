package exact

// ContractVersion numbers the arithmetic contract that this package states.
// It grows whenever a rule changes a bit of any result.
const ContractVersion = 1
