// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IRiskTarget, IRiskValues} from "../../src/interfaces/IRiskTarget.sol";

/// @notice As much of an Aave-style pool and its configurator as an injector meets: a bonus counts from 100 %, one account is
/// risk admin, a reserve may be frozen.
contract MockPool {
    struct Reserve {
        uint256 ltv;
        uint256 threshold;
        uint256 bonus;
        bool frozen;
    }

    address public riskAdmin;
    mapping(address asset => Reserve) public reserves;

    error NotRiskAdmin(address got);

    function setRiskAdmin(address riskAdmin_) external {
        riskAdmin = riskAdmin_;
    }

    function setFrozen(address asset, bool frozen) external {
        reserves[asset].frozen = frozen;
    }

    /// @dev What another steward, or governance, would do.
    function overrule(address asset, uint256 ltv, uint256 threshold, uint256 bonus) external {
        (reserves[asset].ltv, reserves[asset].threshold, reserves[asset].bonus) = (ltv, threshold, bonus);
    }

    function configureReserveAsCollateral(address asset, uint256 ltv, uint256 threshold, uint256 bonus) external {
        if (msg.sender != riskAdmin) revert NotRiskAdmin(msg.sender);
        (reserves[asset].ltv, reserves[asset].threshold, reserves[asset].bonus) = (ltv, threshold, bonus);
    }
}

/// @notice The adapter between an injector and `MockPool`.
contract PoolTarget is IRiskTarget {
    enum Way {
        Honest,
        Lying,
        Reverting
    }

    uint256 private constant ONE = 10_000;
    MockPool public immutable pool;
    address public injector;
    Way public way;

    error NotInjector(address expected, address got);
    error ReserveFrozen(address asset);
    error Broken();

    constructor(MockPool pool_) {
        pool = pool_;
    }

    function setInjector(address injector_) external {
        injector = injector_;
    }

    function setWay(Way way_) external {
        way = way_;
    }

    function current(address market) external view returns (uint256[] memory values) {
        values = new uint256[](3);
        uint256 bonus;
        (values[0], values[1], bonus,) = pool.reserves(market);
        values[2] = bonus - ONE;
    }

    function refusal(address market, uint256[] calldata) external view returns (bytes memory) {
        (,,, bool frozen) = pool.reserves(market);
        return frozen ? abi.encodeWithSelector(ReserveFrozen.selector, market) : bytes("");
    }

    function set(address market, uint256[] calldata values) external {
        if (msg.sender != injector) revert NotInjector(injector, msg.sender);
        if (way == Way.Reverting) revert Broken();
        uint256 ltv = way == Way.Lying ? values[0] + 1 : values[0];
        pool.configureReserveAsCollateral(market, ltv, values[1], values[2] + ONE);
    }
}

/// @notice A steward's values that a test sets.
contract MockSteward is IRiskValues {
    uint256[] private _values;
    bool private _broken;

    error Unreadable();

    function set(uint256[] calldata values) external {
        _values = values;
    }

    function setBroken(bool broken) external {
        _broken = broken;
    }

    function current(address) external view returns (uint256[] memory) {
        if (_broken) revert Unreadable();
        return _values;
    }
}
