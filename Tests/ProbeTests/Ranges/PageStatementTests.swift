// What a source says about pages: every property by itself, taken back, and in words.

import GuestMem
import MMU
import Testing

@testable import Probe

@Suite("A statement says each property by itself")
struct PageStatementTests {
  static let pat = PageAttributeTable.standard

  /// Everything is said; flags as `isSet`.
  static func full(_ isSet: Bool) -> PageStatement {
    var page = PageStatement(physicalAddress: isSet ? 0x1234_5000 : 0)
    page.isWritable = isSet
    page.isExecutable = isSet
    page.isUser = isSet
    page.isGlobal = isSet
    page.isAccessed = isSet
    page.isDirty = isSet
    page.protectionKey = isSet ? 11 : 0
    page.softwareBits = isSet ? 0x2a5 : 0
    page.pageSize = isSet ? .size2MiB : .size4KiB
    page.setMemoryType(isSet ? .uncacheable : .writeBack, in: pat)
    return page
  }

  @Test("all numbers that a key and software's bits can be are read as they were set")
  func numbers() {
    var page = PageStatement()
    #expect(page.protectionKey == nil && page.softwareBits == nil)
    for key in UInt8(0)...255 {
      page.protectionKey = key
      #expect(page.protectionKey == key && page.softwareBits == nil)
    }
    page.protectionKey = nil
    #expect(page == PageStatement())
    for bits in 0..<16 {
      page.softwareBits = 1 << UInt16(bits)
      #expect(page.softwareBits == 1 << UInt16(bits) && page.protectionKey == nil)
    }
    page.softwareBits = nil
    #expect(page == PageStatement())
    #expect(PageStatement().unsaid == .all)
  }

  @Test("what is taken back is not said, and nothing else is, for every set of properties")
  func removal() {
    for isSet in [false, true] {
      let full = Self.full(isSet)
      #expect(full.unsaid.isEmpty)
      for number in UInt16(0)...0x7ff {
        let properties = RangeProperties(rawValue: number)
        var page = full
        page.remove(properties)
        #expect(page.unsaid == properties)
        for property in RangeProperty.allCases {
          let words = page.words(property, in: Self.pat)
          #expect(
            words == (properties.contains(property) ? nil : full.words(property, in: Self.pat)))
        }
        let range = AskedRange(first: 0x1000, last: 0x1fff, content: .mapped(full), mapping: 3)
        var without = range
        without.content = .mapped(page)
        #expect(range.without(properties) == without)
      }
    }
    for content in [AskedContent.absent, .unsaid] {
      let range = AskedRange(first: 0, last: 4095, content: content)
      #expect(range.without(.all) == range)
    }
  }

  @Test("each property has its words, given or not")
  func words() {
    let words: [(RangeProperty, String, String)] = [
      (.physicalAddress, "0x0", "0x1234_5000"), (.writable, "denied", "given"),
      (.executable, "denied", "given"), (.user, "denied", "given"),
      (.memoryType, "WB", "UC"), (.global, "clear", "set"), (.protectionKey, "0", "11"),
      (.pageSize, PageSize.size4KiB.label, PageSize.size2MiB.label),
      (.softwareBits, "0x0", "0x2a5"), (.accessed, "clear", "set"), (.dirty, "clear", "set"),
    ]
    #expect(words.map(\.0) == RangeProperty.allCases)
    for (property, clear, set) in words {
      #expect(Self.full(false).words(property, in: Self.pat) == clear)
      #expect(Self.full(true).words(property, in: Self.pat) == set)
      #expect(PageStatement().words(property, in: Self.pat) == nil)
    }
    let (clear, set) = (Self.full(false), Self.full(true))
    #expect(clear.words(in: Self.pat) == "r-- at 0x0 \(PageSize.size4KiB.label) WB")
    #expect(
      clear.words(in: Self.pat, naming: .all)
        == "r-- no user at 0x0 \(PageSize.size4KiB.label) WB no G key 0 software's bits 0x0"
        + " no A no D")
    #expect(
      set.words(in: Self.pat)
        == "rwx user at 0x1234_5000 \(PageSize.size2MiB.label) UC G key 11"
        + " software's bits 0x2a5 A D")
    #expect(PageStatement().words(in: Self.pat, naming: .all) == "r?? user?")
  }

  @Test("two statements differ in just the properties that were changed in one of them")
  func differences() {
    for number in UInt16(0)...0x7ff {
      let changed = RangeProperties(rawValue: number)
      let (clear, set) = (Self.full(false), Self.full(true))
      var page = clear
      for property in changed.properties {
        switch property {
        case .physicalAddress: page.physicalAddress = set.physicalAddress
        case .writable: page.isWritable = set.isWritable
        case .executable: page.isExecutable = set.isExecutable
        case .user: page.isUser = set.isUser
        case .memoryType: page.patIndices = set.patIndices
        case .global: page.isGlobal = set.isGlobal
        case .protectionKey: page.protectionKey = set.protectionKey
        case .pageSize: page.pageSize = set.pageSize
        case .softwareBits: page.softwareBits = set.softwareBits
        case .accessed: page.isAccessed = set.isAccessed
        case .dirty: page.isDirty = set.isDirty
        }
      }
      let (different, notCompared) = clear.comparison(with: page, pageAttributeTable: Self.pat)
      #expect(different == changed && notCompared.isEmpty)
      // What one of them does not say is not compared.
      page.remove(changed)
      let (same, unsaid) = clear.comparison(with: page, pageAttributeTable: Self.pat)
      #expect(same.isEmpty && unsaid == changed)
    }
  }
}
