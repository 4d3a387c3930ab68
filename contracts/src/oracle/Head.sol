// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IDodonaOracle} from "../interfaces/IDodonaOracle.sol";

/// @notice First word of a stored request: what every verb looks at, in one slot.
/// @dev Bits, lowest first: requester 160 · createdAt 40 · span 48 · status 2 · mode 1 · allowLater 1 ·
/// callbackFailed 1 · byToken 1 · special 1 · 0. While the request is open or refunded the span holds two distances
/// from `createdAt`, 24 bits each: the deadline and the end of the exclusive window (0: not accepted). Once it is
/// fulfilled neither says anything any more, and the span holds the answer's `validUntil`.
type Head is uint256;

using Heads for Head global;

/// @title Heads
/// @notice Reading and writing of `Head`.
library Heads {
    uint256 private constant CREATED = 160;
    uint256 private constant SPAN = 200;
    uint256 private constant WINDOW = 224;
    uint256 private constant STATUS = 248;
    uint256 private constant MODE = 1 << 250;
    uint256 private constant ALLOW_LATER = 1 << 251;
    uint256 private constant CALLBACK_FAILED = 1 << 252;
    uint256 private constant BY_TOKEN = 1 << 253;
    uint256 private constant SPECIAL = 1 << 254;
    uint256 private constant SPAN_MASK = (1 << 48) - 1;

    /// @notice A request that is open from now on. The deadline is less than 2^24 seconds away.
    function open(address requester_, uint64 deadline_, uint8 mode_, bool allowLater_) internal view returns (Head) {
        uint256 head = uint160(requester_) | (block.timestamp << CREATED);
        head |= (deadline_ - block.timestamp) << SPAN;
        head |= uint256(IDodonaOracle.Status.Open) << STATUS;
        if (mode_ != 0) head |= MODE;
        if (allowLater_) head |= ALLOW_LATER;
        return Head.wrap(head);
    }

    function requester(Head head) internal pure returns (address) {
        return address(uint160(Head.unwrap(head)));
    }

    function createdAt(Head head) internal pure returns (uint64) {
        return uint40(Head.unwrap(head) >> CREATED);
    }

    /// @notice Last second of the request. Only while it is not fulfilled.
    function deadline(Head head) internal pure returns (uint64) {
        return createdAt(head) + uint24(Head.unwrap(head) >> SPAN);
    }

    /// @notice Last second of the exclusive window, 0 if nobody accepted. Only while the request is not fulfilled.
    function window(Head head) internal pure returns (uint64) {
        uint64 distance = uint24(Head.unwrap(head) >> WINDOW);
        return distance == 0 ? 0 : createdAt(head) + distance;
    }

    /// @notice The answer's, once fulfilled; the greatest value stands for all that are greater.
    function validUntil(Head head) internal pure returns (uint64) {
        uint256 until = (Head.unwrap(head) >> SPAN) & SPAN_MASK;
        return until == SPAN_MASK ? type(uint64).max : uint64(until);
    }

    function status(Head head) internal pure returns (IDodonaOracle.Status) {
        return IDodonaOracle.Status((Head.unwrap(head) >> STATUS) & 3);
    }

    function mode(Head head) internal pure returns (uint8) {
        return Head.unwrap(head) & MODE == 0 ? 0 : 1;
    }

    function allowLater(Head head) internal pure returns (bool) {
        return Head.unwrap(head) & ALLOW_LATER != 0;
    }

    function callbackFailed(Head head) internal pure returns (bool) {
        return Head.unwrap(head) & CALLBACK_FAILED != 0;
    }

    /// @notice The fee is paid in an ERC-20 token, which has a slot of its own.
    function byToken(Head head) internal pure returns (bool) {
        return Head.unwrap(head) & BY_TOKEN != 0;
    }

    /// @notice Refunds go to another account than the requester, or the penalty is not the least one.
    function special(Head head) internal pure returns (bool) {
        return Head.unwrap(head) & SPECIAL != 0;
    }

    function markByToken(Head head) internal pure returns (Head) {
        return Head.wrap(Head.unwrap(head) | BY_TOKEN);
    }

    function markSpecial(Head head) internal pure returns (Head) {
        return Head.wrap(Head.unwrap(head) | SPECIAL);
    }

    function markCallbackFailed(Head head, bool failed) internal pure returns (Head) {
        uint256 cleared = Head.unwrap(head) & ~CALLBACK_FAILED;
        return Head.wrap(failed ? cleared | CALLBACK_FAILED : cleared);
    }

    /// @param until after `createdAt` and not after the deadline; 0 takes the window away.
    function withWindow(Head head, uint256 until) internal pure returns (Head) {
        uint256 cleared = Head.unwrap(head) & ~(uint256(type(uint24).max) << WINDOW);
        return Head.wrap(until == 0 ? cleared : cleared | ((until - createdAt(head)) << WINDOW));
    }

    function fulfil(Head head, uint64 validUntil_) internal pure returns (Head) {
        uint256 until = validUntil_ > SPAN_MASK ? SPAN_MASK : validUntil_;
        uint256 cleared = Head.unwrap(head) & ~(SPAN_MASK << SPAN) & ~(uint256(3) << STATUS);
        return Head.wrap(cleared | (until << SPAN) | (uint256(IDodonaOracle.Status.Fulfilled) << STATUS));
    }

    function refund(Head head) internal pure returns (Head) {
        return Head.wrap(Head.unwrap(head) | (uint256(IDodonaOracle.Status.Refunded) << STATUS));
    }
}
