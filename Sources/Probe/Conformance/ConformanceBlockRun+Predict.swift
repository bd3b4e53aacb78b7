// What the model says about a case: one access, or two where it crosses into the next page.

import MMU

extension ConformanceBlockRun {
  /// What the model says about a pair.
  func predict(_ upper: Int, _ lower: Int) -> ConformanceCase {
    let page = matrix.linearAddress(upper: upper, lower: lower)
    let access = block.access
    let address =
      access.form == .crossing
      ? page &+ (matrix.pageByteCount - 4) : page | access.offset(writeSlot: 0)
    let walk = Walk(
      address, cr3: bench.tables.root, configuration: configuration, in: bench.memory, under: model)
    let prediction = predict(access.access, walk, at: block.privilege)
    var result = ConformanceCase(
      upper: upper, lower: lower, address: address, outcome: prediction.outcome,
      subject: DeviationSubject(
        access.access, form: access.form, privilege: block.privilege, walk: walk,
        prediction: prediction, rootIndex: nil))
    if case .page(let translation) = walk.end {
      result.frame = translation.physicalAddress.rawValue & ~0xfff
    }
    if access.form == .crossing {
      addNextPage(&result, prediction)
      return result
    }
    result.add(prediction, matrix)
    if block.isPrecededByRead {
      result.add(predict(Access(.read), walk, at: .supervisor), matrix)
    }
    if access == .lockedOr, case .pageFault = prediction.outcome {
      // An emulated locked operation reads before it fails to write.
      let read = predict(Access(.read), walk, at: block.privilege)
      result.add(read, matrix, onlyMay: true)
      // Where the read may have set A, the write cannot show that it does.
      if case .success = read.outcome { result.subject.isAccessed = nil }
    }
    return result
  }

  private func predict(
    _ access: Access, _ walk: Walk, at privilege: PrivilegeLevel
  ) -> AccessPrediction {
    walk.predict(
      access, mode: block.settings.mode(at: privilege), configuration: configuration,
      under: model)
  }

  /// Adds the half of an access that lies in the next page.
  ///
  /// An access that fails in one page may have been made in the other before; the manual says
  /// neither which page comes first nor that it does not matter.
  ///
  /// Source: Intel SDM volume 3A, section 5.7 (CR2 holds the address that faulted).
  private func addNextPage(_ result: inout ConformanceCase, _ first: AccessPrediction) {
    let border = result.address &+ 4
    let walk = Walk(
      border, cr3: bench.tables.root, configuration: configuration, in: bench.memory, under: model)
    let next = predict(block.access.access, walk, at: block.privilege)
    if case .page(let translation) = walk.end {
      result.nextFrame = translation.physicalAddress.rawValue & ~0xfff
    }
    var fails = false
    if case .success = first.outcome {} else { fails = true }
    if case .success = next.outcome {
      // The first page decides.
    } else if fails {
      result.alternative = (next.outcome, border)
    } else {
      fails = true
      result.outcome = next.outcome
      result.faultAddress = border
      result.subject = DeviationSubject(
        block.access.access, form: .crossing, privilege: block.privilege, walk: walk,
        prediction: next, rootIndex: nil)
    }
    result.add(first, matrix, onlyMay: fails)
    result.add(next, matrix, onlyMay: fails, isNextPage: true)
  }
}
