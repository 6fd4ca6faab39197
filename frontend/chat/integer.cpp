#include "frontend/chat/integer.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace lorikeet::jinja {

BigInt::BigInt(int64_t value) : negative_(value < 0) {
  uint64_t rest = negative_ ? ~static_cast<uint64_t>(value) + 1 : static_cast<uint64_t>(value);
  for (; rest; rest >>= 32) words_.push_back(uint32_t(rest));
}

void BigInt::trim(Words& words) {
  while (!words.empty() && words.back() == 0) words.pop_back();
}

void BigInt::multiply_small(Words& words, uint32_t by, uint32_t plus) {
  uint64_t carry = plus;
  for (uint32_t& word : words) {
    carry += uint64_t(word) * by;
    word = uint32_t(carry);
    carry >>= 32;
  }
  if (carry) words.push_back(uint32_t(carry));
}

uint32_t BigInt::divide_small(Words& words, uint32_t by) {
  uint64_t rest = 0;
  for (size_t i = words.size(); i-- > 0;) {
    rest = (rest << 32) | words[i];
    words[i] = uint32_t(rest / by);
    rest %= by;
  }
  trim(words);
  return uint32_t(rest);
}

std::optional<BigInt> BigInt::parse(std::string_view digits, int base) {
  BigInt out;
  for (char c : digits) {
    const int digit = c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
    multiply_small(out.words_, uint32_t(base), uint32_t(digit));
    if (out.words_.size() > kMaxWords) return std::nullopt;
  }
  trim(out.words_);
  return out;
}

std::optional<BigInt> BigInt::truncated(double value) {
  if (!std::isfinite(value)) return std::nullopt;
  int exponent = 0;
  const double fraction = std::frexp(std::abs(std::trunc(value)), &exponent);  // in [0.5, 1)
  BigInt out(int64_t(std::ldexp(fraction, 53)));
  if (exponent < 53) out = BigInt(int64_t(std::abs(std::trunc(value))));
  for (int i = 53; i < exponent; ++i) multiply_small(out.words_, 2, 0);
  out.negative_ = value < 0 && !out.zero();
  return out;
}

std::optional<int64_t> BigInt::small() const {
  if (words_.size() > 2) return std::nullopt;
  uint64_t magnitude = 0;
  for (size_t i = words_.size(); i-- > 0;) magnitude = (magnitude << 32) | words_[i];
  constexpr uint64_t kLimit = uint64_t(1) << 63;
  if (magnitude > kLimit || (magnitude == kLimit && !negative_)) return std::nullopt;
  return negative_ ? int64_t(~magnitude + 1) : int64_t(magnitude);
}

double BigInt::real() const {
  // The highest 64 bits with a sticky last bit, so that the one rounding is the right one.
  if (words_.size() <= 2) {
    uint64_t magnitude = 0;
    for (size_t i = words_.size(); i-- > 0;) magnitude = (magnitude << 32) | words_[i];
    return negative_ ? -double(magnitude) : double(magnitude);
  }
  const size_t high = words_.size() - 1;
  int shift = 0;
  while (!((words_[high] << shift) & 0x80000000u)) ++shift;
  uint64_t top = (uint64_t(words_[high]) << 32) | words_[high - 1];
  if (shift) top = (top << shift) | (words_[high - 2] >> (32 - shift));
  bool sticky = shift ? (words_[high - 2] << shift) != 0 : words_[high - 2] != 0;
  for (size_t i = 0; i + 2 < high && !sticky; ++i) sticky = words_[i] != 0;
  if (sticky) top |= 1;
  const double value = std::ldexp(double(top), int(32 * (high - 1)) - shift);
  return negative_ ? -value : value;
}

std::string BigInt::text(int base) const {
  if (zero()) return "0";
  std::string out;
  Words rest = words_;
  while (!rest.empty()) {
    // 9 decimal digits a division where that is possible.
    uint32_t part = divide_small(rest, base == 10 ? 1000000000u : uint32_t(base));
    for (int i = 0; i < (base == 10 ? 9 : 1); ++i) {
      out += "0123456789abcdef"[part % uint32_t(base)];
      part /= uint32_t(base);
    }
  }
  while (out.size() > 1 && out.back() == '0') out.pop_back();
  if (negative_) out += '-';
  std::reverse(out.begin(), out.end());
  return out;
}

size_t BigInt::hash() const {
  size_t value = negative_;
  for (uint32_t word : words_) value = value * 1000003 ^ word;
  return value;
}

int BigInt::compare_words(const Words& a, const Words& b) {
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  for (size_t i = a.size(); i-- > 0;)
    if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
  return 0;
}

BigInt::Words BigInt::add_words(const Words& a, const Words& b) {
  Words out;
  uint64_t carry = 0;
  for (size_t i = 0; i < std::max(a.size(), b.size()) || carry; ++i) {
    carry += (i < a.size() ? uint64_t(a[i]) : 0) + (i < b.size() ? b[i] : 0);
    out.push_back(uint32_t(carry));
    carry >>= 32;
  }
  return out;
}

BigInt::Words BigInt::subtract_words(const Words& a, const Words& b) {
  Words out = a;
  int64_t borrow = 0;
  for (size_t i = 0; i < out.size(); ++i) {
    int64_t value = int64_t(out[i]) - (i < b.size() ? b[i] : 0) - borrow;
    borrow = value < 0;
    out[i] = uint32_t(value);
  }
  trim(out);
  return out;
}

int compare(const BigInt& a, const BigInt& b) {
  if (a.negative_ != b.negative_) return a.negative_ ? -1 : 1;
  const int order = BigInt::compare_words(a.words_, b.words_);
  return a.negative_ ? -order : order;
}

BigInt add(const BigInt& a, const BigInt& b) {
  BigInt out;
  if (a.negative_ == b.negative_) {
    out.words_ = BigInt::add_words(a.words_, b.words_);
    out.negative_ = a.negative_;
    return out;
  }
  const int order = BigInt::compare_words(a.words_, b.words_);
  if (order == 0) return out;
  out.words_ = order > 0 ? BigInt::subtract_words(a.words_, b.words_) : BigInt::subtract_words(b.words_, a.words_);
  out.negative_ = order > 0 ? a.negative_ : b.negative_;
  return out;
}

BigInt negated(BigInt a) {
  a.negative_ = !a.negative_ && !a.zero();
  return a;
}

BigInt multiply(const BigInt& a, const BigInt& b) {
  BigInt out;
  out.words_.assign(a.words_.size() + b.words_.size(), 0);
  for (size_t i = 0; i < a.words_.size(); ++i) {
    uint64_t carry = 0;
    for (size_t j = 0; j < b.words_.size() || carry; ++j) {
      carry += out.words_[i + j] + (j < b.words_.size() ? uint64_t(a.words_[i]) * b.words_[j] : 0);
      out.words_[i + j] = uint32_t(carry);
      carry >>= 32;
    }
  }
  BigInt::trim(out.words_);
  out.negative_ = a.negative_ != b.negative_ && !out.zero();
  return out;
}

void BigInt::divide_words(const Words& a, const Words& b, Words& quotient, Words& remainder) {
  quotient = a;
  remainder.clear();
  if (b.size() == 1) {
    const uint32_t rest = divide_small(quotient, b[0]);
    if (rest) remainder.push_back(rest);
    return;
  }
  // Bit by bit: rare, and the sizes are bounded.
  std::fill(quotient.begin(), quotient.end(), 0);
  for (size_t bit = a.size() * 32; bit-- > 0;) {
    multiply_small(remainder, 2, (a[bit / 32] >> (bit % 32)) & 1);
    if (compare_words(remainder, b) < 0) continue;
    remainder = subtract_words(remainder, b);
    quotient[bit / 32] |= uint32_t(1) << (bit % 32);
  }
  trim(quotient);
}

void divide(const BigInt& a, const BigInt& b, BigInt& quotient, BigInt& remainder) {
  BigInt q, r;
  BigInt::divide_words(a.words_, b.words_, q.words_, r.words_);
  q.negative_ = a.negative_ != b.negative_ && !q.zero();
  r.negative_ = a.negative_ && !r.zero();
  if (!r.zero() && r.negative_ != b.negative_) {  // towards minus infinity
    q = add(q, BigInt(-1));
    r = add(r, b);
  }
  quotient = std::move(q);
  remainder = std::move(r);
}

}  // namespace lorikeet::jinja
