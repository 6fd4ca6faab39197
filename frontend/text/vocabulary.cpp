#include "frontend/text/vocabulary.h"

#include <bit>
#include <functional>

#include "runtime/base/text.h"

namespace lorikeet {

void Vocabulary::reserve(size_t pieces, size_t bytes) {
  text_.reserve(text_.size() + bytes);
  const size_t wanted = std::bit_ceil(2 * (used_ + pieces) + 2);
  if (wanted <= slots_.size()) return;
  std::vector<Slot> old(wanted);
  old.swap(slots_);
  for (const Slot& slot : old)
    if (slot.id >= 0) slots_[slot_of(view(slot.text))] = slot;
}

size_t Vocabulary::slot_of(std::string_view text) const {
  const size_t mask = slots_.size() - 1;
  size_t at = std::hash<std::string_view>{}(text)&mask;
  while (slots_[at].id >= 0 && view(slots_[at].text) != text) at = (at + 1) & mask;
  return at;
}

Result<Vocabulary::Span> Vocabulary::store(std::string_view text, int64_t id) {
  if (id < 0 || size_t(id) >= id_limit_)
    return corrupt(join("[tokenizer] ids must be from 0 to ", id_limit_ - 1, ", the token \"", text.substr(0, 64),
                        "\" has ", id, "."));
  if (text_.size() + text.size() >= kAbsent) return unsupported("[tokenizer] the pieces of a vocabulary exceed 4 GiB.");
  const Span span{uint32_t(text_.size()), uint32_t(text.size())};
  text_ += text;
  longest_ = std::max(longest_, text.size());
  if (size_t(id) >= spans_.size()) spans_.resize(size_t(id) + 1);
  return span;
}

Status Vocabulary::add(std::string_view text, int64_t id) {
  if (2 * (used_ + 1) > slots_.size()) reserve(used_ + 8, 0);
  LK_ASSIGN(const Span span, store(text, id));
  if (!has(int32_t(id))) spans_[size_t(id)] = span;
  const size_t at = slot_of(text);
  if (slots_[at].id >= 0) return Done{};
  slots_[at] = {int32_t(id), span};
  ++used_;
  return Done{};
}

Status Vocabulary::name(int64_t id, std::string_view text) {
  if (id >= 0 && size_t(id) < spans_.size() && has(int32_t(id)) && piece(int32_t(id)) == text) return Done{};
  LK_ASSIGN(const Span span, store(text, id));
  spans_[size_t(id)] = span;
  return Done{};
}

std::optional<int32_t> Vocabulary::find(std::string_view text) const {
  if (slots_.empty()) return std::nullopt;
  const Slot& slot = slots_[slot_of(text)];
  if (slot.id < 0) return std::nullopt;
  return slot.id;
}

std::string_view Vocabulary::piece(int32_t id) const { return has(id) ? view(spans_[size_t(id)]) : std::string_view(); }

}  // namespace lorikeet
