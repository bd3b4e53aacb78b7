// OutcomeWords: the model's and the machine's answers in words, the same in every format.

public import MMU

extension PageFaultErrorCode {
  /// The number and the names of its bits, such as `0x3 (P|W)`.
  public var words: String { "0x\(String(rawValue, radix: 16)) (\(description))" }
}

extension AccessOutcome {
  /// What the model says.
  public var words: String {
    switch self {
    case .success(let address):
      "success at physical \(HexadecimalNumber(address.rawValue & ~0xfff))"
    case .pageFault(let code): "#PF, error code \(code.words)"
    case .generalProtection: "#GP"
    case .stackFault: "#SS"
    }
  }
}

extension ProbeOutcome {
  /// What the machine did.
  public var words: String {
    switch self {
    case .success(.page(let page)): "success at physical \(HexadecimalNumber(page))"
    case .success(.unknown(let value)):
      "success, but what was read is no page's mark: \(HexadecimalNumber(value))"
    case .success(.elsewhere): "success, but the physical page does not hold what was written"
    case .success(.notObserved): "success"
    case .pageFault(let code, let cr2):
      "#PF, error code \(PageFaultErrorCode(rawValue: code).words), CR2 \(HexadecimalNumber(cr2))"
    case .exception(let vector, let code):
      "\(Self.exceptionName(vector)), error code 0x\(String(code, radix: 16))"
    case .notRun(let reason): "not run: \(reason.message)"
    case .lost(let death): "no answer: \(death.message)"
    }
  }

  /// Source: Intel SDM volume 3A, table 7-1.
  private static func exceptionName(_ vector: UInt8) -> String {
    let names = [
      "#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", "vector 9", "#TS", "#NP",
      "#SS", "#GP", "#PF", "vector 15", "#MF", "#AC", "#MC", "#XM", "#VE", "#CP",
    ]
    return Int(vector) < names.count ? names[Int(vector)] : "vector \(vector)"
  }
}
