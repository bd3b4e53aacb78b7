// SurfaceCheck: whether the calls go through everything that a caller can call.

import Foundation

/// The public functions, initializers and subscripts of the libraries that no call goes through.
struct SurfaceCheck {
  private(set) var lines: [String] = []
  private(set) var isWhole = true

  /// What no call can go through, with the reason.
  static let exempt = [
    "GuestMem.MemoryView.init(baseAddress:byteCount:keeping:)":
      "unsafe: a caller vouches for the address",
    "Inspection.QEMUGuest.pause()": "needs a QEMU that runs: a test has one",
    "Inspection.QEMUGuest.resume()": "needs a QEMU that runs: a test has one",
    "Inspection.QEMUGuest.image()": "needs a QEMU that runs: a test has one",
    "Inspection.GDBStub.release()": "needs a stub that runs: a test has one",
    "Inspection.GDBStub.image()": "needs a stub that runs: a test has one",
    "LiveMem.SharedWord.init(_:)": "unsafe: a caller vouches for the address",
    "KVM.VirtualMachine.setMemorySlot(_:at:memory:byteCount:logsDirtyPages:)":
      "unsafe: a caller vouches for the address",
  ]

  /// The libraries.
  private static let modules = ["MMU", "Inspection", "GuestMem", "LiveMem", "KVM", "Probe"]
  private static let kinds = Set(
    ["func", "method", "type.method", "init", "subscript", "type.subscript", "func.op"].map {
      "swift." + $0
    })

  /// Reads the symbol graphs of the libraries in `folder`, with those of their extensions of each
  /// other's types.
  init(folder: String) {
    var declared: Set<String> = []
    for module in Self.modules {
      let names = Self.names(inFile: "\(folder)/\(module).symbols.json", of: module)
      if names.isEmpty { fail("\(folder) has no symbol graph of \(module)") }
      declared.formUnion(names)
      for other in Self.modules {
        declared.formUnion(
          Self.names(inFile: "\(folder)/\(module)@\(other).symbols.json", of: other))
      }
    }
    let called = Set(HostileCall.all.flatMap(\.names))
    for name in declared.subtracting(called).sorted() where Self.exempt[name] == nil {
      fail("no call goes through \(name)")
    }
    for name in called.subtracting(declared).sorted() { fail("there is no public \(name)") }
    for name in Self.exempt.keys.sorted() where !declared.contains(name) {
      fail("there is no public \(name), which is exempt")
    }
    lines.append(
      "hostile calls go through \(called.intersection(declared).count) of \(declared.count) public"
        + " functions, initializers and subscripts; \(Self.exempt.count) are exempt, with a reason")
  }

  private mutating func fail(_ line: String) {
    isWhole = false
    lines.append(line)
  }

  /// The declarations in a symbol graph, with the module in front.
  private static func names(inFile path: String, of module: String) -> Set<String> {
    guard let data = FileManager.default.contents(atPath: path),
      let graph = try? JSONDecoder().decode(SymbolGraph.self, from: data)
    else { return [] }
    let symbols = graph.symbols.filter { kinds.contains($0.kind.identifier) }
    return Set(symbols.map { ([module] + $0.pathComponents).joined(separator: ".") })
  }
}

/// The part of a symbol graph that is needed, as `swift-symbolgraph-extract` writes it.
private struct SymbolGraph: Decodable {
  struct Symbol: Decodable {
    struct Kind: Decodable { let identifier: String }

    let kind: Kind
    let pathComponents: [String]
  }

  let symbols: [Symbol]
}
