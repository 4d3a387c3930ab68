// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {IDodonaOracle} from "../interfaces/IDodonaOracle.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {Head, Heads} from "./Head.sol";
import {ProofChecks} from "./ProofChecks.sol";
import {OracleStore} from "./Store.sol";

/// @title Requests
/// @notice Asking and paying: `setPrices`, `request`, `increaseFee` of IDodonaOracle.
abstract contract Requests is OracleStore, ProofChecks {
    using SafeERC20 for IERC20;

    /// @notice See IDodonaOracle.
    function setPrices(address token, IDodonaOracle.Prices calldata prices) external onlyOwner {
        if (token != ETH && token.code.length == 0) revert IDodonaOracle.NotAToken(token);
        _setPrices(token, prices);
    }

    /// @notice See IDodonaOracle.
    function request(IDodonaOracle.RequestParams calldata params) external payable returns (bytes32 id) {
        _checkParams(params);
        IModelRegistry.ModelSpec memory spec = _models.openSpecOf(params.modelId);
        uint32 version = _resolveVersion(params.modelId, params.mode, params.verifierVersion, spec);
        bytes32 publicWordsHash = _checkPublicWords(params.publicWords, spec.sources);
        uint256 nonce = _books[ETH].nonce++;
        id = _idOf(msg.sender, nonce, params);
        _store(_entries[id], params, version, publicWordsHash);
        emit IDodonaOracle.Requested(
            id, params.modelId, msg.sender, nonce, uint64(block.timestamp), params.fee, version, params
        );
        _escrow(params.feeToken, params.fee);
    }

    /// @notice See IDodonaOracle.
    function increaseFee(bytes32 id, uint96 amount) external payable nonReentrant {
        if (amount == 0) revert IDodonaOracle.ZeroAmount();
        Entry storage entry = _entries[id];
        Head head = _openHead(id);
        if (block.timestamp > head.deadline()) {
            revert IDodonaOracle.DeadlinePassed(id, head.deadline(), block.timestamp);
        }
        uint256 fee = uint256(entry.terms.fee) + amount;
        if (fee > type(uint96).max) revert IDodonaOracle.FeeTooHigh(type(uint96).max, fee);
        entry.terms.fee = uint96(fee);
        emit IDodonaOracle.FeeIncreased(id, msg.sender, amount, fee);
        _escrow(_feeTokenOf(entry, head), amount);
    }

    // ------------------------------------------------------------- internals

    function _openHead(bytes32 id) internal view returns (Head head) {
        head = _entries[id].head;
        if (head.status() != IDodonaOracle.Status.Open) revert IDodonaOracle.RequestNotOpen(id, head.status());
    }

    function _checkParams(IDodonaOracle.RequestParams calldata params) private view {
        uint256 expected = _quote(params);
        if (params.fee < expected) revert IDodonaOracle.FeeTooLow(expected, params.fee);
        if (params.callbackGasLimit > CALLBACK_GAS) {
            revert IDodonaOracle.CallbackGasTooHigh(CALLBACK_GAS, params.callbackGasLimit);
        }
        if (params.penalty > PENALTY_MAX) revert IDodonaOracle.PenaltyTooHigh(PENALTY_MAX, params.penalty);
        uint256 latest = block.timestamp + LIFETIME;
        if (params.deadline <= block.timestamp || params.deadline > latest) {
            revert IDodonaOracle.DeadlineOutOfRange(block.timestamp + 1, latest, params.deadline);
        }
    }

    function _store(
        Entry storage entry,
        IDodonaOracle.RequestParams calldata params,
        uint32 version,
        bytes32 publicWordsHash
    ) private {
        Head head = Heads.open(msg.sender, params.deadline, params.mode, params.allowLater);
        if (params.feeToken != ETH) {
            head = head.markByToken();
            entry.feeToken = params.feeToken;
        }
        if (publicWordsHash != 0) entry.publicWordsHash = publicWordsHash;
        address refundTo = params.refundTo == address(0) ? msg.sender : params.refundTo;
        if (refundTo != msg.sender || params.penalty > PENALTY_MIN) {
            head = head.markSpecial();
            entry.refundTo = refundTo;
            entry.penalty = params.penalty > PENALTY_MIN ? params.penalty : PENALTY_MIN;
        }
        entry.head = head;
        entry.terms = Terms({
            fee: params.fee,
            version: version,
            callbackGasLimit: uint24(params.callbackGasLimit),
            maxDataAge: _saturate32(params.maxDataAge),
            maxDeliveryAge: _saturate32(params.maxDeliveryAge),
            baseFee: block.basefee > type(uint40).max ? type(uint40).max : uint40(block.basefee)
        });
        entry.modelId = params.modelId;
    }

    function _saturate32(uint64 value) private pure returns (uint32) {
        return value > type(uint32).max ? type(uint32).max : uint32(value);
    }

    /// @dev Takes `amount` into escrow: ETH that came with the call, or tokens of the caller. Last step of its callers:
    /// a token may call back, and whatever it did in between, the balance must have grown by exactly the amount.
    function _escrow(address token, uint256 amount) internal {
        Book storage book = _books[token];
        uint256 held = uint256(book.escrow) + book.credits;
        if (held + amount > type(uint96).max) revert IDodonaOracle.BookFull(token, type(uint96).max, held + amount);
        book.escrow += uint96(amount);
        uint256 expected = token == ETH ? amount : 0;
        if (msg.value != expected) revert IDodonaOracle.ValueMismatch(expected, msg.value);
        if (token != ETH) _pull(IERC20(token), held, amount);
    }

    function _pull(IERC20 token, uint256 held, uint256 amount) private {
        uint256 balance = token.balanceOf(address(this));
        if (balance < held) revert IDodonaOracle.TokenShortfall(address(token), held, balance);
        token.safeTransferFrom(msg.sender, address(this), amount);
        uint256 got = token.balanceOf(address(this));
        if (got != balance + amount) revert IDodonaOracle.TokenMismatch(address(token), balance + amount, got);
    }

    function _setPrices(address token, IDodonaOracle.Prices memory prices) private {
        if (prices.callbackGasPrice > type(uint56).max) {
            revert IDodonaOracle.PriceTooHigh(type(uint56).max, prices.callbackGasPrice);
        }
        _prices[token] = StoredPrices(prices.direct, prices.aggregated, uint56(prices.callbackGasPrice), prices.listed);
        emit IDodonaOracle.PricesSet(token, prices);
    }
}
