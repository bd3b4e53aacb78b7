// What a line of a listing asks for.

import GuestMem
import MMU
import Probe

extension AskedRange {
  /// What `stretch` says; what it does not say is not asked for.
  init(_ stretch: Stretch, _ basis: AskedBasis, mapping: Int) {
    var page = PageStatement(physicalAddress: stretch.physical, basis: basis)
    page.isWritable = stretch.isWritable
    page.isExecutable = stretch.isExecutable
    page.isUser = stretch.isUser
    page.isGlobal = stretch.isGlobal
    page.protectionKey = stretch.key
    page.pageSize = stretch.pageSize
    self.init(first: stretch.first, last: stretch.last, content: .mapped(page), mapping: mapping)
  }
}
