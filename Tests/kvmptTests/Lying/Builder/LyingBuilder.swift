// LyingBuilder: who builds tables and who looks at them, each with a lie told in between.

import GuestMem
import Inspection
import MMU

@testable import Probe
@testable import kvmpt

/// Who must notice what a builder did.
enum LyingBuilder: String, CaseIterable, Sendable {
  case fileContracts = "file, contracts"
  case file = "verify file"
  case library = "library"
  case image = "verify image"
  case expected = "verify --expect"
  case bootContracts = "boot table, contracts"
  case boot = "boot table, --expect"
  case cloneContracts = "clone, contracts"
  case clone = "clone, --expect"

  var formats: [LieFormat] {
    switch self {
    case .fileContracts, .library, .bootContracts, .cloneContracts: [.library]
    case .file, .image, .expected, .boot, .clone: [.text, .json, .junit, .tap]
    }
  }

  /// What is said of tables in which `lie` was told, or of honest ones; `wasTold` says whether it
  /// changed a word.
  func reading(_ lie: BuilderLie?, _ wasTold: inout Bool) throws -> LieReading {
    switch self {
    case .fileContracts: return try contractReading(lie, &wasTold)
    case .file, .library:
      let verifier = Verifier(factory: ModelMachineFactory())
      let built = try verifier.build(BuiltLayout.space(BuiltLayout.mappings()), BuiltLayout.machine)
      tell(lie, in: built.memory.view, built.cr3, &wasTold)
      return try LieReading(.file(verifier.verify(built)))
    case .image, .expected:
      let built = try Verifier.modelOnly.build(
        BuiltLayout.space(BuiltLayout.mappings()), BuiltLayout.machine)
      tell(lie, in: built.memory.view, built.cr3, &wasTold)
      return try Self.proof(
        of: built.memory.view, built.cr3,
        asked: self == .expected ? BuiltLayout.mappings() : nil)
    case .bootContracts, .boot:
      var tables = try BuiltByHand()
      let boot = try tables.bootTable()
      tell(lie, in: tables.memory.view, boot.rootAddress.rawValue, &wasTold)
      if self == .bootContracts {
        return Self.reading(boot.contractViolations(allocator: tables.allocator))
      }
      return try Self.proof(
        of: tables.memory.view, boot.rootAddress.rawValue,
        asked: [BuiltLayout.firmware] + BuiltLayout.mappings())
    case .cloneContracts, .clone:
      var tables = try BuiltByHand()
      var parent = try tables.table()
      let clone = try parent.cloneCopyOnWrite(markingWith: 3, allocator: &tables.allocator)
      tell(lie, in: tables.memory.view, clone.rootAddress.rawValue, &wasTold)
      if self == .cloneContracts {
        var context = ContractContext()
        context.add(parent)
        return Self.reading(
          clone.contractViolations(allocator: tables.allocator, context: context))
      }
      return try Self.proof(
        of: tables.memory.view, clone.rootAddress.rawValue,
        asked: BuiltLayout.mappings(ofClone: true))
    }
  }

  private func tell(
    _ lie: BuilderLie?, in memory: MemoryView, _ cr3: UInt64, _ wasTold: inout Bool
  ) {
    if let lie { wasTold = lie.tell(in: memory, cr3: cr3) }
  }

  /// What the check before a run of `kvmpt verify` says.
  private func contractReading(
    _ lie: BuilderLie?, _ wasTold: inout Bool
  ) throws -> LieReading {
    let space = BuiltLayout.space(BuiltLayout.mappings())
    let configuration = try BuiltLayout.configuration()
    var told = false
    defer { wasTold = told }
    do throws(AddressSpaceBuildError) {
      _ = try BuiltAddressSpace(
        space, configuration: configuration, reasonToStop: { nil }
      ) { cr3, memory in
        if let lie { told = lie.tell(in: memory, cr3: cr3) }
      }
      return LieReading([.library: []], exitCode: 0)
    } catch {
      guard case .brokenContract(let violation) = error else { throw error }
      let input = AddressSpaceFile(
        path: "built.yaml", summary: "", addressSpace: space, positions: AddressSpacePositions())
      return LieReading(
        [.library: [error.id, violation.rule.rawValue]],
        exitCode: CommandFailure(VerificationError.build(error), input: input).status.rawValue)
    }
  }

  private static func reading(_ violations: [ContractViolation]) -> LieReading {
    LieReading([.library: Set(violations.map(\.rule.rawValue))], exitCode: 0)
  }

  /// The proof of the tables as those of an image.
  private static func proof(
    of memory: MemoryView, _ cr3: UInt64, asked: [Mapping]?
  ) throws -> LieReading {
    let bytes = memory.readBytes(
      at: GuestPhysicalAddress(truncating: 0), count: Int(memory.byteCount))
    let expectation = asked.map {
      ImageExpectation(
        space: BuiltLayout.space($0), placements: $0.map { BuiltLayout.target(of: $0).rawValue })
    }
    return try LieReading(
      .image(
        Verifier(factory: ModelMachineFactory()).verify(
          MemoryImage(
            bytes: bytes ?? [], reading: .raw(base: GuestPhysicalAddress(truncating: 0))),
          ImageQuestion(
            cr3: cr3, configuration: BuiltLayout.configuration(), settings: ProcessorSettings(),
            expectation: expectation, pageAttributeTable: PageAttributeTable.standard))))
  }
}

/// Memory in which tables are made without a file.
private struct BuiltByHand: ~Copyable {
  let memory: GuestMemory
  var allocator: FrameAllocator

  init() throws {
    let memory = try GuestMemory(byteCount: BuiltLayout.byteCount, backing: .anonymous)
    var allocator = try FrameAllocator(byteCount: BuiltLayout.byteCount)
    for range in [0..<2 << 20] + BuiltLayout.frames { try allocator.reserve(range) }
    self.memory = memory
    self.allocator = allocator
  }

  /// A table of its own.
  mutating func table() throws -> PageTable {
    var table = try PageTable(
      configuration: BuiltLayout.configuration(), memory: memory.view, allocator: &allocator)
    for mapping in BuiltLayout.mappings() {
      try table.map(
        mapping.linearAddress, byteCount: mapping.byteCount, to: BuiltLayout.target(of: mapping),
        properties: mapping.properties, pageSizes: mapping.pageSize, allocator: &allocator)
    }
    return table
  }

  /// A table that adopted a firmware's.
  mutating func bootTable() throws -> BootPageTable {
    for (place, word) in [
      (0x10_0000, 0x10_1003), (0x10_1000, 0x10_2003), (0x10_2000, 0x83),
    ] as [(UInt64, UInt64)] {
      memory.view.storeWord(word, at: GuestPhysicalAddress(truncating: place))
    }
    var table = try BootPageTable(
      adopting: 0x10_0000, configuration: BuiltLayout.configuration(), memory: memory.view,
      allocator: &allocator)
    for mapping in BuiltLayout.mappings() {
      try table.map(
        mapping.linearAddress, byteCount: mapping.byteCount, to: BuiltLayout.target(of: mapping),
        properties: mapping.properties, pageSizes: mapping.pageSize, allocator: &allocator)
    }
    return table
  }
}
