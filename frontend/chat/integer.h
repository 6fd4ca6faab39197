// Integers beyond 64 bits, as templates can produce them by arithmetic and long literals.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lorikeet::jinja {

// Sign and magnitude, any size; callers refuse results of more than kMaxWords words (4,900 decimal digits).
class BigInt {
 public:
  static constexpr size_t kMaxWords = 512;

  BigInt() = default;
  BigInt(int64_t value);                                                  // NOLINT: an integer is a big integer
  static std::optional<BigInt> parse(std::string_view digits, int base);  // digits only; none if over kMaxWords
  static std::optional<BigInt> truncated(double value);                   // none for infinities and NaN

  std::optional<int64_t> small() const;  // the value, if it fits
  bool negative() const { return negative_; }
  bool zero() const { return words_.empty(); }
  size_t words() const { return words_.size(); }
  double real() const;  // may be infinite
  std::string text(int base = 10) const;
  size_t hash() const;

  friend int compare(const BigInt& a, const BigInt& b);  // -1, 0, 1
  friend BigInt add(const BigInt& a, const BigInt& b);
  friend BigInt multiply(const BigInt& a, const BigInt& b);
  friend BigInt negated(BigInt a);
  // Floor division, as Python's // and %; b is not zero.
  friend void divide(const BigInt& a, const BigInt& b, BigInt& quotient, BigInt& remainder);

 private:
  using Words = std::vector<uint32_t>;  // little end first, no leading zero
  static int compare_words(const Words& a, const Words& b);
  static Words add_words(const Words& a, const Words& b);
  static Words subtract_words(const Words& a, const Words& b);  // a >= b
  static void trim(Words& words);
  static void divide_words(const Words& a, const Words& b, Words& quotient, Words& remainder);
  static uint32_t divide_small(Words& words, uint32_t by);  // in place; returns the remainder
  static void multiply_small(Words& words, uint32_t by, uint32_t plus);

  bool negative_ = false;
  Words words_;
};

int compare(const BigInt& a, const BigInt& b);
BigInt add(const BigInt& a, const BigInt& b);
BigInt multiply(const BigInt& a, const BigInt& b);
BigInt negated(BigInt a);
void divide(const BigInt& a, const BigInt& b, BigInt& quotient, BigInt& remainder);

}  // namespace lorikeet::jinja
