// PostMortem: what killed a kernel, from its registers and its memory.

package import MMU

/// How something that a report says is known.
package enum Evidence: String, Hashable, Sendable {
  /// The machine told of the exception itself.
  case told
  /// It follows from registers and tables.
  case derived
  /// It fits registers and tables, and something else would, too.
  case assumed
}

/// The access that a kernel died of.
package struct FatalAccess: Sendable {
  /// What the address was used for.
  package let role: AccessRole
  /// Read, write or fetch; of a read it may not be known that it was no write.
  package let kind: AccessKind
  /// False where read and write fail alike and nothing tells them apart.
  package let isKindKnown: Bool
  /// The CPL of the code.
  package let cpl: UInt8
  /// The walk, the rules that stop the access, and changes that would let it succeed.
  package let diagnosis: Diagnosis
  /// How it is known that this was the access.
  package let evidence: Evidence
}

/// What is said of a kernel's end.
package struct PostMortem: Sendable {
  /// The likely cause.
  package internal(set) var cause: BootCause = .unknown
  /// The entry and the bits to blame, where an entry is.
  package internal(set) var blame: Blame?
  /// The exception that came first, where it is known.
  package internal(set) var vector: UInt8?
  /// Its error code, where the machine told it.
  package internal(set) var errorCode: UInt32?
  /// The access, where the exception was a page fault.
  package internal(set) var access: FatalAccess?
  /// The instruction that it died at.
  package internal(set) var instruction: UInt64?
  /// Its bytes, as far as they can be read, up to 15.
  package internal(set) var instructionBytes: [UInt8] = []
  /// Why the exception, and the double fault after it, could not be delivered.
  package internal(set) var delivery: [DeliveryStep] = []
  /// What is assumed, and what is not known.
  package internal(set) var notes: [String] = []

  init() {}
}
