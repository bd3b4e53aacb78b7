// BootAnswer: what came of a kernel, with the names of the addresses that a report shows.

import Boot

/// What came of a kernel.
struct BootAnswer {
  let outcome: BootOutcome
  let postMortem: PostMortem
  /// The symbols of the addresses that the report shows.
  let symbols: [UInt64: SymbolPlace]
  /// How much was added to the kernel's physical addresses.
  let relocation: UInt64?
  /// Why the machine is another one than the first that was tried.
  let change: String?

}
