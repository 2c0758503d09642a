"""When saved jobs start by themselves: pure triggers, the pure fire ledger, and the wake-up."""
