// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IFeedRegistry} from "../../src/interfaces/IFeedRegistry.sol";

/// @notice Takes no ETH.
contract RefusesEther {}

/// @notice A reporter and recipient that tries to be paid twice.
contract GreedyReporter {
    IFeedRegistry private immutable _feeds;
    uint256 public received;
    bool public paidTwice;

    constructor(IFeedRegistry feeds) {
        _feeds = feeds;
    }

    function report(
        IFeedRegistry.ObservationHeader calldata a,
        bytes calldata signatureA,
        IFeedRegistry.ObservationHeader calldata b,
        bytes calldata signatureB
    ) external {
        _feeds.reportEquivocation(a, signatureA, b, signatureB);
    }

    function withdraw() external {
        _feeds.withdrawReward(address(this));
    }

    receive() external payable {
        received += msg.value;
        (paidTwice,) = address(_feeds).call(abi.encodeCall(_feeds.withdrawReward, (address(this))));
    }
}
