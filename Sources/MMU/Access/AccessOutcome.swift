// AccessOutcome: what the program sees of an access.

/// What comes of an access.
@frozen public enum AccessOutcome: Hashable, Sendable {
  /// The access reaches this address.
  case success(GuestPhysicalAddress)
  /// #PF, vector 14, with this error code; CR2 holds the linear address.
  case pageFault(PageFaultErrorCode)
  /// #GP, vector 13, with error code 0.
  case generalProtection
  /// #SS, vector 12, with error code 0.
  case stackFault
}

extension AccessOutcome: CustomStringConvertible {
  /// The outcome in words, such as `page fault P|W` or `success at 0x1000`.
  public var description: String {
    switch self {
    case .success(let address): "success at 0x" + String(address.rawValue, radix: 16)
    case .pageFault(let code): "page fault \(code)"
    case .generalProtection: "general protection fault"
    case .stackFault: "stack fault"
    }
  }
}
