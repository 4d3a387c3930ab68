// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IDodonaOracle} from "../interfaces/IDodonaOracle.sol";

/// @title Fees
/// @notice Prices, and a book a token: what is escrowed, what is owed to whom. The owner sets the prices of new requests
/// and can do nothing else.
abstract contract Fees is IDodonaOracle, Ownable2Step, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @dev `Prices` in one slot.
    struct StoredPrices {
        uint96 direct;
        uint96 aggregated;
        uint56 callbackGasPrice;
        bool listed;
    }

    /// @dev Escrow and credits together never exceed 2^96 - 1, so that moving one to the other cannot fail. Only ETH's
    /// book counts nonces (of all requests): a request in ETH then writes one slot here.
    struct Book {
        uint96 escrow;
        uint96 credits;
        uint64 nonce;
    }

    /// @dev ETH's place among the tokens.
    address internal constant ETH = address(0);

    mapping(address token => StoredPrices) private _prices;
    mapping(address token => Book) private _books;
    mapping(address token => mapping(address account => uint256)) private _creditOf;

    constructor(address owner_, Prices memory ethPrices) Ownable(owner_) {
        _setPrices(ETH, ethPrices);
    }

    /// @inheritdoc IDodonaOracle
    function setPrices(address token, Prices calldata prices) external onlyOwner {
        if (token != ETH && token.code.length == 0) revert NotAToken(token);
        _setPrices(token, prices);
    }

    /// @inheritdoc IDodonaOracle
    function quote(RequestParams calldata params) public view returns (uint256 fee) {
        if (params.mode > 1) revert UnknownMode(params.mode);
        StoredPrices memory prices = _prices[params.feeToken];
        if (!prices.listed) revert TokenNotListed(params.feeToken);
        fee = params.mode == 0 ? prices.direct : prices.aggregated;
        fee += uint256(params.callbackGasLimit) * prices.callbackGasPrice;
    }

    /// @inheritdoc IDodonaOracle
    function withdraw(address token, address to) external nonReentrant returns (uint256 amount) {
        if (to == address(0)) revert ZeroPayee();
        amount = _creditOf[token][msg.sender];
        if (amount == 0) revert NothingToWithdraw(token, msg.sender);
        _creditOf[token][msg.sender] = 0;
        _books[token].credits -= uint96(amount);
        emit Withdrawn(token, msg.sender, to, amount);
        if (token != ETH) {
            IERC20(token).safeTransfer(to, amount);
            return amount;
        }
        (bool ok,) = to.call{value: amount}("");
        if (!ok) revert TransferFailed(to, amount);
    }

    /// @inheritdoc IDodonaOracle
    function pricesOf(address token) external view returns (Prices memory) {
        StoredPrices memory prices = _prices[token];
        return Prices(prices.direct, prices.aggregated, prices.callbackGasPrice, prices.listed);
    }

    /// @inheritdoc IDodonaOracle
    function creditOf(address token, address account) external view returns (uint256) {
        return _creditOf[token][account];
    }

    /// @inheritdoc IDodonaOracle
    function totalEscrow(address token) external view returns (uint256) {
        return _books[token].escrow;
    }

    /// @inheritdoc IDodonaOracle
    function totalCredits(address token) external view returns (uint256) {
        return _books[token].credits;
    }

    /// @inheritdoc IDodonaOracle
    function nextNonce() external view returns (uint256) {
        return _books[ETH].nonce;
    }

    function _takeNonce() internal returns (uint256) {
        return _books[ETH].nonce++;
    }

    /// @dev Takes `amount` into escrow: ETH that came with the call, or tokens of the caller. Last step of its callers:
    /// a token may call back, and whatever it did in between, the balance must have grown by exactly the amount.
    function _escrow(address token, uint256 amount) internal {
        Book storage book = _books[token];
        uint256 held = uint256(book.escrow) + book.credits;
        if (held + amount > type(uint96).max) revert BookFull(token, type(uint96).max, held + amount);
        book.escrow += uint96(amount);
        uint256 expected = token == ETH ? amount : 0;
        if (msg.value != expected) revert ValueMismatch(expected, msg.value);
        if (token != ETH) _pull(IERC20(token), held, amount);
    }

    function _pull(IERC20 token, uint256 held, uint256 amount) private {
        uint256 balance = token.balanceOf(address(this));
        if (balance < held) revert TokenShortfall(address(token), held, balance);
        token.safeTransferFrom(msg.sender, address(this), amount);
        uint256 got = token.balanceOf(address(this));
        if (got != balance + amount) revert TokenMismatch(address(token), balance + amount, got);
    }

    /// @dev Moves `amount` from escrow to `account`'s credits.
    function _credit(address token, address account, uint256 amount) internal {
        Book storage book = _books[token];
        book.escrow -= uint96(amount);
        book.credits += uint96(amount);
        _creditOf[token][account] += amount;
    }

    function _setPrices(address token, Prices memory prices) private {
        if (prices.callbackGasPrice > type(uint56).max) {
            revert PriceTooHigh(type(uint56).max, prices.callbackGasPrice);
        }
        _prices[token] =
            StoredPrices(prices.direct, prices.aggregated, uint56(prices.callbackGasPrice), prices.listed);
        emit PricesSet(token, prices);
    }
}
