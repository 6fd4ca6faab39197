#include "frontend/checkpoint/zip_writer.h"

#include <array>

#include "runtime/base/text.h"

namespace lorikeet {
namespace {

constexpr uint32_t kIn64 = 0xffffffff;  // the number is in the ZIP64 extra field
constexpr uint16_t kCountIn64 = 0xffff;
constexpr uint16_t kZip64Extra = 1, kPaddingExtra = 0x4246;
constexpr uint16_t kVersion = 20, kVersion64 = 45;
constexpr uint16_t kUtf8 = 1 << 11;
constexpr uint16_t kFirstDay = 1 << 5 | 1;  // of 1980
constexpr uint64_t kLocalBytes = 30;

constexpr auto kCrcTable = [] {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = value & 1 ? 0xedb88320u ^ (value >> 1) : value >> 1;
    table[i] = value;
  }
  return table;
}();

class Record {
 public:
  template <class T>
  Record& put(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(T));
    return *this;
  }
  Record& put_text(std::string_view text) {
    bytes_.append(text);
    return *this;
  }
  Bytes bytes() const { return std::as_bytes(std::span(bytes_)); }
  uint64_t size() const { return bytes_.size(); }

 private:
  std::string bytes_;
};

uint32_t in32(uint64_t value) { return value < kIn64 ? uint32_t(value) : kIn64; }

// What local headers and directory entries share: version to checksum and sizes.
void put_common(Record& record, bool needs64, uint32_t crc, uint64_t size) {
  record.put(needs64 ? kVersion64 : kVersion).put(kUtf8).put(uint16_t(0)).put(uint16_t(0)).put(kFirstDay);
  record.put(crc).put(in32(size)).put(in32(size));
}

}  // namespace

uint32_t crc32(Bytes bytes) {
  uint32_t value = 0xffffffffu;
  for (std::byte byte : bytes) value = kCrcTable[(value ^ uint8_t(byte)) & 0xff] ^ (value >> 8);
  return ~value;
}

Result<ZipWriter> ZipWriter::create(const std::filesystem::path& path) {
  LK_ASSIGN(OutputFile file, OutputFile::create(path));
  return ZipWriter(std::move(file));
}

Status ZipWriter::add(const std::string& name, Bytes content, uint64_t alignment) {
  if (name.size() > 0xffff) return invalid(join("[zip] an entry's name has ", name.size(), " bytes."));
  const Entry entry{name, crc32(content), content.size(), file_.position()};
  const bool needs64 = entry.size >= kIn64;
  Record extra;
  if (needs64) extra.put(kZip64Extra).put(uint16_t(16)).put(entry.size).put(entry.size);
  const uint64_t begin = entry.offset + kLocalBytes + name.size() + extra.size() + 4;  // with padding of no bytes
  const uint64_t padding = (alignment - begin % alignment) % alignment;
  if (alignment > 1) extra.put(kPaddingExtra).put(uint16_t(padding)).put_text(std::string(size_t(padding), '\0'));
  Record header;
  header.put(uint32_t(0x04034b50));
  put_common(header, needs64, entry.crc, entry.size);
  header.put(uint16_t(name.size())).put(uint16_t(extra.size())).put_text(name);
  file_.write(header.bytes());
  file_.write(extra.bytes());
  file_.write(content);
  entries_.push_back(entry);
  return file_.check();
}

void ZipWriter::write_directory() {
  const uint64_t begin = file_.position(), count = entries_.size();
  for (const Entry& entry : entries_) {
    Record numbers;
    if (entry.size >= kIn64) numbers.put(entry.size).put(entry.size);
    if (entry.offset >= kIn64) numbers.put(entry.offset);
    const bool needs64 = numbers.size() > 0;
    Record extra;
    if (needs64) extra.put(kZip64Extra).put(uint16_t(numbers.size())).put_text(as_text(numbers.bytes()));
    Record header;
    header.put(uint32_t(0x02014b50)).put(needs64 ? kVersion64 : kVersion);
    put_common(header, needs64, entry.crc, entry.size);
    header.put(uint16_t(entry.name.size())).put(uint16_t(extra.size())).put(uint16_t(0));  // no comment
    header.put(uint16_t(0)).put(uint16_t(0)).put(uint32_t(0)).put(in32(entry.offset)).put_text(entry.name);
    file_.write(header.bytes());
    file_.write(extra.bytes());
  }
  const uint64_t end = file_.position(), size = end - begin;
  Record record;
  if (count >= kCountIn64 || begin >= kIn64 || size >= kIn64) {
    record.put(uint32_t(0x06064b50)).put(uint64_t(44)).put(kVersion64).put(kVersion64);
    record.put(uint32_t(0)).put(uint32_t(0)).put(count).put(count).put(size).put(begin);
    record.put(uint32_t(0x07064b50)).put(uint32_t(0)).put(end).put(uint32_t(1));
  }
  const uint16_t shown = count < kCountIn64 ? uint16_t(count) : kCountIn64;
  record.put(uint32_t(0x06054b50)).put(uint16_t(0)).put(uint16_t(0)).put(shown).put(shown);
  record.put(in32(size)).put(in32(begin)).put(uint16_t(0));
  file_.write(record.bytes());
}

Status ZipWriter::finish() {
  write_directory();
  return file_.finish();
}

}  // namespace lorikeet
