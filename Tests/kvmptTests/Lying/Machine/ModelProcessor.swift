// ModelProcessor: accesses of a processor in one mode, by the model: what they reach, where they fault,
// and what they leave in the tables.

import GuestMem
import MMU
import TestHosts

@testable import Probe

/// A processor with the registers of a batch.
struct ModelProcessor {
  let memory: ProbeMemory
  private let cr3: UInt64
  private let settings: ProcessorSettings
  private let configuration: PagingConfiguration

  /// What an access came to.
  enum Result {
    /// The physical addresses of the bytes, which lie in one page or in two.
    case reached(UInt64, next: UInt64?)
    case fault(vector: UInt64, errorCode: UInt64, cr2: UInt64)
  }

  init(_ batch: AgentBatch, memory: ProbeMemory, width: UInt8, has1GiBPages: Bool) {
    self.memory = memory
    cr3 = batch.cr3
    settings = ProcessorSettings(batch.state)
    // Four and five levels are the only ones, and the width is a machine's.
    configuration =
      (try? PagingConfiguration(
        rootLevel: batch.state.cr4 >> 12 & 1 != 0 ? .pageMapLevel5 : .pageMapLevel4,
        physicalAddressWidth: width, isNoExecuteEnabled: settings.isNoExecuteEnabled,
        supports1GiBPages: has1GiBPages))
      ?? PagingConfiguration.standard
  }

  func walk(_ address: UInt64) -> Walk {
    Walk(address, cr3: cr3, configuration: configuration, in: memory)
  }

  /// What the model says of an access, without making it.
  func prediction(_ access: Access, _ walk: Walk, at privilege: PrivilegeLevel) -> AccessPrediction
  {
    walk.predict(access, mode: settings.mode(at: privilege), configuration: configuration)
  }

  /// Makes an access of eight bytes.
  func access(_ address: UInt64, _ access: Access, at privilege: PrivilegeLevel) -> Result {
    let first = walk(address)
    let prediction = prediction(access, first, at: privilege)
    guard case .success(let reached) = prediction.outcome else {
      return fault(prediction.outcome, at: address)
    }
    guard address & 0xfff > 0xff8 else {
      mark(first, prediction)
      return .reached(reached.rawValue, next: nil)
    }
    let border = (address | 0xfff) &+ 1
    let second = walk(border)
    let next = self.prediction(access, second, at: privilege)
    guard case .success(let other) = next.outcome else { return fault(next.outcome, at: border) }
    mark(first, prediction)
    mark(second, next)
    return .reached(reached.rawValue, next: other.rawValue)
  }

  private func fault(_ outcome: AccessOutcome, at address: UInt64) -> Result {
    switch outcome {
    case .pageFault(let code): .fault(vector: 14, errorCode: UInt64(code.rawValue), cr2: address)
    case .stackFault: .fault(vector: 12, errorCode: 0, cr2: 0)
    case .generalProtection, .success: .fault(vector: 13, errorCode: 0, cr2: 0)
    }
  }

  /// Sets A and D as a successful access does.
  private func mark(_ walk: Walk, _ prediction: AccessPrediction) {
    for step in walk.steps {
      var bits: UInt64 = 0
      if prediction.mustSetAccessed.contains(step.level) { bits |= PageTableEntry.Bit.accessed }
      if prediction.mustSetDirty == step.level { bits |= PageTableEntry.Bit.dirty }
      let word = memory.loadWord(at: step.entryAddress) ?? 0
      if word & bits != bits { memory.storeWord(word | bits, at: step.entryAddress) }
    }
  }
}

extension PagingConfiguration {
  /// Four levels, 48 physical-address bits.
  fileprivate static var standard: PagingConfiguration {
    guard let configuration = try? PagingConfiguration() else {
      preconditionFailure("the standard configuration is one that exists")
    }
    return configuration
  }
}
