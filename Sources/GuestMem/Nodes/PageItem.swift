// PageItem: the owned thing that a leaf stands for.

public import MMU

/// What a leaf says, without any ownership: address, level and properties.
@frozen public struct RawPage: Hashable, Sendable {
  /// The physical address of the first byte; a multiple of the page's size.
  public var physicalAddress: GuestPhysicalAddress
  /// The level of the leaf.
  public var level: Level
  /// The properties, with the software bit that tells owned pages.
  public var properties: PageProperties

  /// Takes the parts as they are.
  @inlinable
  public init(physicalAddress: GuestPhysicalAddress, level: Level, properties: PageProperties) {
    self.physicalAddress = physicalAddress
    self.level = level
    self.properties = properties
  }
}

/// A page that may own its frames; mapping it moves the ownership into the leaf.
///
/// A tracked page owns one share of each 4 KiB frame it spans, so that splitting and collapsing
/// leave every count as it is. At the end of its life it gives the shares back.
@frozen public struct PageItem<Configuration: PageTableConfiguration>: ~Copyable, Sendable {
  /// The physical address of the first byte.
  public let physicalAddress: GuestPhysicalAddress
  /// The level of the leaf that it becomes.
  public let level: Level
  /// The properties, without the software bit that tells owned pages.
  public var properties: PageProperties
  @usableFromInline var owner: FrameMetadataView?

  /// A page that owns nothing, such as a device's registers.
  @inlinable
  public init(
    untracked physicalAddress: GuestPhysicalAddress, level: Level, properties: PageProperties
  ) {
    self.physicalAddress = physicalAddress
    self.level = level
    self.properties = properties
    owner = nil
  }

  /// A page that owns the frames of a handle.
  ///
  /// - Throws: ``EntryError/leafUnsupported(level:)`` when the run has no page's size, or pages of
  ///   this kind own nothing.
  @inlinable
  public init(
    tracked handle: consuming FrameHandle, properties: PageProperties
  ) throws(EntryError) {
    var level: UInt64 = 1
    while level < 3 && Configuration.span(level) &>> 12 < handle.frameCount { level &+= 1 }
    guard Configuration.span(level) &>> 12 == handle.frameCount,
      Configuration.leafOwnership != .none
    else { throw .leafUnsupported(level: levelNumbered(level)) }
    self.init(
      owned: GuestPhysicalAddress(truncating: handle.frame &<< 12), level: levelNumbered(level),
      properties: properties, owner: handle.metadata)
    _ = handle.intoRaw()
  }

  @inlinable
  init(
    owned physicalAddress: GuestPhysicalAddress, level: Level, properties: PageProperties,
    owner: FrameMetadataView?
  ) {
    self.physicalAddress = physicalAddress
    self.level = level
    self.properties = properties
    self.owner = owner
  }

  /// True when the page owns a share of each of its frames.
  @inlinable public var isTracked: Bool { owner != nil }

  /// The number of 4 KiB frames.
  @inlinable public var frameCount: UInt64 {
    Configuration.span(UInt64(level.rawValue)) &>> 12
  }

  /// Ends the item and keeps its ownership: whoever holds the raw page is the owner now.
  @inlinable
  package consuming func intoRaw() -> RawPage {
    let raw = raw
    owner = nil
    return raw
  }

  /// What the leaf will say, with the software bit set as the ownership asks.
  @inlinable public var raw: RawPage {
    var properties = properties
    let ownership = Configuration.leafOwnership
    properties.softwareBits &= ~ownership.softwareMask
    if (isTracked ? ownership.trackedBits : ownership.untrackedBits) != 0 {
      properties.softwareBits |= ownership.softwareMask
    }
    return RawPage(physicalAddress: physicalAddress, level: level, properties: properties)
  }

  /// Takes the ownership of a raw page back: the exact inverse of ``intoRaw()``.
  ///
  /// Each raw page may be taken back once, as in ``Child/init(fromEntry:level:tables:)``; a part of
  /// it after a split counts as a page.
  @inlinable
  package init(fromRaw raw: RawPage, metadata: FrameMetadataView) {
    let ownership = Configuration.leafOwnership
    var properties = raw.properties
    let marked = properties.softwareBits & ownership.softwareMask != 0
    properties.softwareBits &= ~ownership.softwareMask
    let isTracked =
      switch ownership {
      case .none: false
      case .trackedWhenSet: marked
      case .trackedWhenClear: !marked
      }
    self.init(
      owned: raw.physicalAddress, level: raw.level, properties: properties,
      owner: isTracked ? metadata : nil)
  }

  @inlinable
  deinit {
    guard let owner else { return }
    owner.dropPageOwners(
      from: physicalAddress.rawValue &>> 12,
      count: Configuration.span(UInt64(level.rawValue)) &>> 12)
  }
}
