#include "frontend/checkpoint/zip.h"

#include <algorithm>
#include <unordered_set>

#include "runtime/base/text.h"

namespace lorikeet {
namespace {

constexpr uint32_t kEndSignature = 0x06054b50, kEnd64Signature = 0x06064b50, kLocator64Signature = 0x07064b50;
constexpr uint32_t kCentralSignature = 0x02014b50, kLocalSignature = 0x04034b50;
constexpr uint64_t kEndBytes = 22, kEnd64Bytes = 56, kLocator64Bytes = 20, kCentralBytes = 46, kLocalBytes = 30;
constexpr uint16_t kZip64Extra = 1;
constexpr uint32_t kIn64 = 0xffffffff;  // the number is in the ZIP64 extra field

class Parser {
 public:
  Parser(Bytes bytes, const std::string& file) : bytes_(bytes), file_(file) {}

  Result<std::vector<ZipEntry>> parse() {
    LK_TRY(find_directory());
    std::vector<ZipEntry> entries;
    std::unordered_set<std::string> names;
    Cursor cursor(bytes_, directory_offset_);
    for (uint64_t i = 0; i < entry_count_; ++i) {
      LK_ASSIGN(ZipEntry entry, parse_entry(cursor));
      if (!names.insert(entry.name).second) return bad("the entry ", entry.name, " occurs twice.");
      entries.push_back(std::move(entry));
    }
    return entries;
  }

 private:
  template <class... Parts>
  Error bad(const Parts&... parts) const {
    return corrupt(join("[zip] ", file_, ": ", parts...));
  }
  bool has(uint64_t offset, uint64_t size) const { return offset <= bytes_.size() && size <= bytes_.size() - offset; }
  template <class T>
  T at(uint64_t offset) const {
    return load<T>(bytes_.data() + offset);
  }

  Status find_directory() {
    if (bytes_.size() < kEndBytes) return bad("the file is too short to be a ZIP file.");
    const uint64_t last = bytes_.size() - kEndBytes;
    const uint64_t first = last > 0xffff ? last - 0xffff : 0;
    for (uint64_t end = last + 1; end-- > first;) {
      if (at<uint32_t>(end) != kEndSignature) continue;
      entry_count_ = at<uint16_t>(end + 10);
      directory_offset_ = at<uint32_t>(end + 16);
      LK_TRY(read_end64(end));
      if (!has(directory_offset_, kCentralBytes) || entry_count_ > (bytes_.size() - directory_offset_) / kCentralBytes)
        return bad("the directory of ", entry_count_, " entries at byte ", directory_offset_,
                   " does not fit in the file.");
      return Done{};
    }
    return bad("the directory at the end of the file is missing; it is truncated.");
  }

  // Replaces count and offset by those of the ZIP64 record, if there is one.
  Status read_end64(uint64_t end) {
    if (end < kLocator64Bytes || at<uint32_t>(end - kLocator64Bytes) != kLocator64Signature) return Done{};
    const uint64_t record = at<uint64_t>(end - kLocator64Bytes + 8);
    if (!has(record, kEnd64Bytes) || at<uint32_t>(record) != kEnd64Signature)
      return bad("the ZIP64 record is not where it should be.");
    entry_count_ = at<uint64_t>(record + 32);
    directory_offset_ = at<uint64_t>(record + 48);
    return Done{};
  }

  struct Place {
    uint64_t size, packed_size, local_offset;
  };

  Result<ZipEntry> parse_entry(Cursor& cursor) const {
    const auto head = cursor.take(kCentralBytes);
    if (!head || load<uint32_t>(head->data()) != kCentralSignature) return bad("the directory is corrupt.");
    const auto name = cursor.take(load<uint16_t>(head->data() + 28));
    const auto extra = name ? cursor.take(load<uint16_t>(head->data() + 30)) : std::nullopt;
    const auto comment = extra ? cursor.take(load<uint16_t>(head->data() + 32)) : std::nullopt;
    if (!comment) return bad("the directory is truncated.");
    ZipEntry entry{std::string(as_text(*name)), {}};
    if (load<uint16_t>(head->data() + 8) & 1)
      return unsupported(join("[zip] ", file_, ": the entry ", entry.name, " is encrypted."));
    if (load<uint16_t>(head->data() + 10) != 0)
      return unsupported(
          join("[zip] ", file_, ": the entry ", entry.name, " is compressed; torch stores its tensors uncompressed."));
    Place place{load<uint32_t>(head->data() + 24), load<uint32_t>(head->data() + 20),
                load<uint32_t>(head->data() + 42)};
    LK_TRY(read_extra(*extra, entry.name, place));
    if (place.size != place.packed_size) return bad("the entry ", entry.name, " is stored, yet its two sizes differ.");
    LK_ASSIGN(entry.bytes, content(place, entry.name));
    return entry;
  }

  Status read_extra(Bytes extra, const std::string& name, Place& place) const {
    Cursor fields(extra);
    while (fields.left() >= 4) {
      const uint16_t id = *fields.read<uint16_t>();
      const auto field = fields.take(*fields.read<uint16_t>());
      if (!field) break;
      if (id != kZip64Extra) continue;
      Cursor numbers(*field);
      for (uint64_t* number : {&place.size, &place.packed_size, &place.local_offset}) {
        if (*number != kIn64) continue;
        const auto value = numbers.read<uint64_t>();
        if (!value) return bad("the ZIP64 field of the entry ", name, " is too short.");
        *number = *value;
      }
      break;
    }
    return Done{};
  }

  Result<Bytes> content(const Place& place, const std::string& name) const {
    if (!has(place.local_offset, kLocalBytes) || at<uint32_t>(place.local_offset) != kLocalSignature)
      return bad("the entry ", name, " is not at byte ", place.local_offset, ", where the directory has it.");
    const uint64_t begin = place.local_offset + kLocalBytes + at<uint16_t>(place.local_offset + 26) +
                           at<uint16_t>(place.local_offset + 28);
    if (!has(begin, place.size))
      return bad("the entry ", name, " needs ", place.size, " bytes at byte ", begin, ", the file has ", bytes_.size(),
                 " bytes.");
    return bytes_.subspan(size_t(begin), size_t(place.size));
  }

  Bytes bytes_;
  const std::string& file_;
  uint64_t entry_count_ = 0, directory_offset_ = 0;
};

}  // namespace

Result<std::vector<ZipEntry>> parse_zip(Bytes bytes, const std::string& file) { return Parser(bytes, file).parse(); }

}  // namespace lorikeet
