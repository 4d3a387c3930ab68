// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IDodonaCallback, IDodonaOracle} from "./interfaces/IDodonaOracle.sol";

/// @title DodonaConsumer
/// @notice Base of contracts that ask and are called back: it knows which requests are its own and lets nobody but the
/// oracle answer them, once each.
abstract contract DodonaConsumer is IDodonaCallback {
    /// @notice Where this contract asks.
    IDodonaOracle public immutable dodona;

    mapping(bytes32 id => bool) private _asked;

    error CallerNotOracle(address expected, address got);
    error NotAsked(bytes32 id);

    /// @param dodona_ the oracle.
    constructor(IDodonaOracle dodona_) {
        dodona = dodona_;
    }

    /// @inheritdoc IDodonaCallback
    function onDodonaAnswer(bytes32 id, IDodonaOracle.Answer calldata answer) external {
        if (msg.sender != address(dodona)) revert CallerNotOracle(address(dodona), msg.sender);
        if (!_asked[id]) revert NotAsked(id);
        delete _asked[id];
        _onAnswer(id, answer);
    }

    /// @notice Asks, paying `fee` wei from this contract's balance; `dodona.quote(params)` is the least.
    function _ask(IDodonaOracle.RequestParams memory params, uint256 fee) internal returns (bytes32 id) {
        id = dodona.request{value: fee}(params);
        _asked[id] = true;
    }

    /// @notice Called once for each answered request. A revert leaves the request to `retryCallback`.
    /// @dev WARNING: look at `answer.inDomain`, and at `answer.observedAt` in case this is a late retry.
    function _onAnswer(bytes32 id, IDodonaOracle.Answer calldata answer) internal virtual;
}
