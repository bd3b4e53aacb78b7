// ProcessorVendor: whose manual decides where the two manuals differ.

/// The family of processors whose manual the tables are read by.
///
/// One rule differs between them: bit 8 of a PML4E and a PML5E is ignored by Intel processors and
/// reserved (must be zero) on AMD processors.
///
/// Source: Intel SDM volume 3A, section 5.5.4; AMD APM volume 2, section 5.3.3.
@frozen public enum ProcessorVendor: UInt8, CaseIterable, Hashable, Sendable {
  /// Intel, and processors that follow its manual.
  case intel
  /// AMD, and processors that follow its manual.
  case amd
}
