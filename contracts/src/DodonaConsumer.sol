// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IDodonaCallback, IDodonaOracle} from "./interfaces/IDodonaOracle.sol";

/// @title DodonaConsumer
/// @notice Base of contracts that ask and are called back: it knows which requests are its own and lets nobody but the
/// oracle answer them, once each.
abstract contract DodonaConsumer is IDodonaCallback {
    using SafeERC20 for IERC20;

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

    /// @notice True from asking until the answer was received.
    function isOpen(bytes32 id) public view returns (bool) {
        return _asked[id];
    }

    /// @notice Asks, paying `fee` wei from this contract's balance; `dodona.quote(params)` is the least. Sets the
    /// fee's token and amount in `params`.
    function _ask(IDodonaOracle.RequestParams memory params, uint256 fee) internal returns (bytes32 id) {
        params.feeToken = address(0);
        params.fee = SafeCast.toUint96(fee);
        id = dodona.request{value: fee}(params);
        _asked[id] = true;
    }

    /// @notice Asks, paying `params.fee` of `params.feeToken` from this contract's balance.
    function _askWithToken(IDodonaOracle.RequestParams memory params) internal returns (bytes32 id) {
        IERC20(params.feeToken).forceApprove(address(dodona), params.fee);
        id = dodona.request(params);
        _asked[id] = true;
    }

    /// @notice Called once for each answered request. A revert leaves the request to `retryCallback`.
    /// @dev WARNING: look at `answer.inDomain`, and at `answer.observedAt` in case this is a late retry. A request
    /// that was refunded is never answered: look at `dodona.statusOf(id)` if that matters.
    function _onAnswer(bytes32 id, IDodonaOracle.Answer calldata answer) internal virtual;
}
