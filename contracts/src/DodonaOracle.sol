// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IDodonaOracle} from "./interfaces/IDodonaOracle.sol";
import {IFeedRegistry} from "./interfaces/IFeedRegistry.sol";
import {IModelRegistry} from "./interfaces/IModelRegistry.sol";
import {IOperatorStaking} from "./interfaces/IOperatorStaking.sol";
import {IVerifierRouter} from "./interfaces/IVerifier.sol";
import {Acceptance} from "./oracle/Acceptance.sol";
import {Fees} from "./oracle/Fees.sol";
import {Fulfilment} from "./oracle/Fulfilment.sol";
import {ProofChecks} from "./oracle/ProofChecks.sol";

/// @title DodonaOracle
/// @notice See IDodonaOracle. The owner sets the prices of new requests and can do nothing else: no answer, no request
/// and nobody's funds are within its reach.
/// @dev Put together from `oracle/`: Fees (prices and books), ProofChecks (instance, observations, verifier), Requests
/// (asking and storage), Acceptance (promises and refunds), Fulfilment (answers and callbacks).
contract DodonaOracle is Fulfilment {
    /// @inheritdoc IDodonaOracle
    uint256 public constant AGGREGATED_WORDS = INSTANCE_WORDS;

    /// @param owner_ sets prices.
    /// @param models_ model registry; must use the same feed registry.
    /// @param feeds_ feed registry.
    /// @param router_ verifier versions.
    /// @param staking_ where operators' stake is reserved.
    /// @param ethPrices prices of requests that are paid in ETH.
    constructor(
        address owner_,
        IModelRegistry models_,
        IFeedRegistry feeds_,
        IVerifierRouter router_,
        IOperatorStaking staking_,
        Prices memory ethPrices
    ) Fees(owner_, ethPrices) ProofChecks(models_, feeds_, router_) Acceptance(staking_) {}

    /// @inheritdoc IDodonaOracle
    function modelRegistry() external view returns (address) {
        return address(_models);
    }

    /// @inheritdoc IDodonaOracle
    function feedRegistry() external view returns (address) {
        return address(_feeds);
    }

    /// @inheritdoc IDodonaOracle
    function verifierRouter() external view returns (address) {
        return address(_router);
    }

    /// @inheritdoc IDodonaOracle
    function operatorStaking() external view returns (address) {
        return address(_staking);
    }
}
