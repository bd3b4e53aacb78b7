// Array: binary search.

extension Array {
  /// The first index whose element fulfils `isBehind`, which all elements behind it do as well.
  ///
  /// - Complexity: O(log n).
  func partitioningIndex(_ isBehind: (Element) -> Bool) -> Int {
    var low = startIndex
    var high = endIndex
    while low < high {
      let middle = (low + high) / 2
      if isBehind(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
